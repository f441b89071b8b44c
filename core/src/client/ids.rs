//! Ids drawn from the seed that an engine was made with: the same seed gives the same ids.

use crate::id::NodeId;

/// A stream of random ids.
#[derive(Debug)]
pub(super) struct Ids {
    seed: [u8; 32],
    drawn: u64,
}

impl Ids {
    pub(super) const fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// 128 bits that no other engine draws.
    pub(super) fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let hash = blake3::keyed_hash(&self.seed, &self.drawn.to_le_bytes());
        let (first, _) = hash.as_bytes().split_at(16);
        first.try_into().expect("half of 32 bytes")
    }

    pub(super) fn node(&mut self) -> NodeId {
        NodeId::from_bytes(self.draw())
    }
}
