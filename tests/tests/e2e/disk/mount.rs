//! Small filesystems to hold a folder.

pub(super) use tests::Mount;
