//! What users do with files: each of these must succeed, or the test itself is wrong.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a file, and makes the directories that it needs.
pub(crate) fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a directory");
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Renames a file or a directory.
pub(crate) fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    fs::rename(from, to).expect("both are in the folder");
}

/// Removes a file.
pub(crate) fn remove(path: impl AsRef<Path>) {
    fs::remove_file(path).expect("it is there");
}

/// Removes a directory with all that is in it.
pub(crate) fn remove_all(path: impl AsRef<Path>) {
    fs::remove_dir_all(path).expect("it is there");
}

/// Changes who may do what with a file.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is there");
}
