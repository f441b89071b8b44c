//! Identifiers. All are 128 random bits but [`Seq`], which counts.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Takes an id drawn at random, or read back.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Reads what `Display` writes: 32 hexadecimal digits.
            pub fn parse(text: &str) -> Option<Self> {
                (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
                    .then(|| u128::from_str_radix(text, 16).ok())
                    .flatten()
                    .map(|number| Self(number.to_be_bytes()))
            }
        }

        impl fmt::Display for $name {
            /// 32 lower-case hexadecimal digits.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}

id_type!(
    /// A synced tree.
    FolderId
);
id_type!(
    /// One replica of a folder, run by one client.
    DeviceId
);
id_type!(
    /// A file, directory or symlink, through every rename, move and edit.
    NodeId
);
id_type!(
    /// Makes a commit sent twice happen once.
    CommitKey
);
id_type!(
    /// One run of a client's own state; two clients that both continue one lineage are a cloned disk.
    /// Who wrote an entry is told by its [`CommitKey`], not by this.
    Lineage
);

impl NodeId {
    /// The folder itself: a directory that always is, and has neither parent nor name.
    pub const ROOT: Self = Self([0; 16]);
}

/// The number of a journal entry: 1, 2, 3 … with no gap; 0 is before the first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Seq(u64);

impl Seq {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);

    /// Takes a number read back.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next entry's number.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
