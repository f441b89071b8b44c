//! A tape of numbers that makes every choice of a run; 0 is always the calmest choice.

/// Numbers that were drawn before the run. Past its end a tape gives zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tape {
    numbers: Vec<u32>,
    at: usize,
}

impl Tape {
    /// A tape of these numbers.
    pub fn new(numbers: Vec<u32>) -> Self {
        Self { numbers, at: 0 }
    }

    /// Whether only zeros are left.
    pub fn is_spent(&self) -> bool {
        self.at >= self.numbers.len()
    }

    fn draw(&mut self) -> u64 {
        let number = self.numbers.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        number.into()
    }

    /// A number below `end` (which is at least 1); 0 is calm.
    pub fn below(&mut self, end: usize) -> usize {
        ((self.draw() * end as u64) >> 32) as usize
    }

    /// Which of these weights is drawn; the first is calm. At least one is not 0.
    pub fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut rest = (self.draw() * total) >> 32;
        for (index, weight) in weights.enumerate() {
            if rest < u64::from(weight) {
                return index;
            }
            rest -= u64::from(weight);
        }
        0
    }

    /// Whether something happens that does so this many times in 1000.
    pub fn strikes(&mut self, in_1000: u32) -> bool {
        (self.draw() * 1000) >> 32 >= u64::from(1000 - in_1000.min(1000))
    }
}

/// A small generator of numbers for tapes: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw() % end
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}
