//! Points inside the guard at which tests let users act, or the power fail.

/// A step of the guard that was just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Point {
    /// The new bytes are in a slot, durable.
    Prepared,
    /// The intent is durable.
    Intended,
    /// The old file is open.
    Opened,
    /// The lease was asked for.
    Leased,
    /// What is there was compared with what is believed to be there.
    Compared,
    /// The old file was put aside, and its name is free (only without exchange).
    Aside,
    /// The names have changed.
    Swapped,
    /// What came out was looked at, and is not what was expected.
    Surprised,
    /// The names were changed back.
    Undone,
    /// What came out was looked at, and is what was expected.
    Confirmed,
    /// The lease was given back.
    Released,
    /// The directories are durable.
    Synced,
}

/// What happens at a point; nothing, but in tests.
pub(super) trait Hooks: Send + Sync {
    /// The guard has come to a point.
    fn at(&self, _point: Point) {}
}

/// Nothing happens.
#[derive(Debug)]
pub(super) struct NoHooks;

impl Hooks for NoHooks {}
