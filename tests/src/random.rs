//! Random choices that are the same for the same seed.

/// Sets the seed of every test.
const SEED: &str = "ONEFOLD_SEED";

/// SplitMix64: small, and good enough to choose what a test does next.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// With the seed that was asked for, or one of its own; it is printed either way.
    pub fn from_environment(test: &str) -> Self {
        let asked = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let fresh = || {
            let now = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970");
            u64::from(now.subsec_nanos()) ^ now.as_secs().rotate_left(32)
        };
        let seed: u64 = asked.unwrap_or_else(fresh);
        println!("{test}: {SEED}={seed}");
        Self(seed)
    }

    /// With this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below this one.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Another generator that goes its own way.
    pub const fn fork(&mut self) -> Self {
        Self(self.next())
    }
}
