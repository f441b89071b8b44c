//! BLAKE3 hashes, one type for each thing that is hashed.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes a hash computed elsewhere, or read back.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes of the hash.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            /// 64 lower-case hexadecimal digits.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}

hash_type!(
    /// The bytes of a file: BLAKE3 of the whole.
    ContentId
);
hash_type!(
    /// A piece of a content: BLAKE3 of the piece.
    ChunkId
);
hash_type!(
    /// A journal entry and, through the one before, all entries up to it.
    ChainHash
);

impl ContentId {
    /// The id of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl ChunkId {
    /// The id of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl ChainHash {
    /// The chain hash before the first entry.
    pub const EMPTY: Self = Self([0; 32]);

    /// The hash of an entry, encoded, that follows the one with this hash.
    pub fn followed_by(&self, entry: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(entry);
        Self(*hasher.finalize().as_bytes())
    }
}
