//! Cases as words: what a failing run prints, and what a replay reads.
//!
//! A word is a world's prefix, a `c` and a case's bytes in hex. Most of them are zeros of a calm schedule:
//! these are counted, not written. A decimal number in place of all that is the seed of a drawn case.

use std::fmt::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What tells a case from a seed.
const CASE: char = 'c';
/// A word that says it is longer than this is none.
const MAX_BYTES: usize = 1 << 24;
/// More zeros than this are counted in several parts.
const MAX_ZEROS: usize = 0x3fff;
/// Of a count's two bytes the first has this bit.
const MORE: u8 = 0x80;

/// A case as one word.
pub fn encode(prefix: &str, case: &impl Serialize) -> String {
    let bytes = postcard::to_allocvec(case).expect("a case is encodable");
    packed(&bytes).iter().fold(format!("{prefix}{CASE}"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads what [`encode`] wrote, or a seed, of which `draw` makes a case.
pub fn decode<T: DeserializeOwned>(
    prefix: &str,
    text: &str,
    draw: impl FnOnce(u64) -> T,
) -> Option<T> {
    let text = text.strip_prefix(prefix)?;
    let Some(word) = text.strip_prefix(CASE) else { return text.parse().ok().map(draw) };
    let byte = |at: usize| u8::from_str_radix(word.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..word.len()).step_by(2).map(byte).collect();
    postcard::from_bytes(&unpacked(&bytes?)?).ok()
}

/// Each run of zeros is one zero and its length, in one byte or two.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        packed.push(*first);
        let zeros = rest.iter().take(MAX_ZEROS).take_while(|byte| **byte == 0).count();
        if zeros >= usize::from(MORE) {
            packed.extend([(zeros >> 7) as u8 | MORE, zeros as u8 & !MORE]);
        } else if zeros > 0 {
            packed.push(zeros as u8);
        }
        rest = &rest[zeros.max(1)..];
    }
    packed
}

fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = packed.iter();
    while let Some(byte) = rest.next() {
        if *byte != 0 {
            bytes.push(*byte);
            continue;
        }
        let first = *rest.next()?;
        let zeros = if first & MORE == 0 {
            usize::from(first)
        } else {
            usize::from(first & !MORE) << 7 | usize::from(*rest.next()?)
        };
        bytes.resize(bytes.len() + zeros, 0);
        if zeros == 0 || bytes.len() > MAX_BYTES {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_as_it_was() {
        for zeros in [0, 1, 2, 127, 128, 129, 0x3fff, 0x4000, 40_000] {
            let mut bytes = vec![7, 0, 1];
            bytes.resize(3 + zeros, 0);
            assert_eq!(unpacked(&packed(&bytes)).unwrap(), bytes, "{zeros} zeros at the end");
            bytes.push(0x80);
            assert_eq!(unpacked(&packed(&bytes)).unwrap(), bytes, "{zeros} zeros within");
        }
    }

    #[test]
    fn a_calm_tape_makes_a_short_word() {
        let mut tape = vec![0_u32; 2_000];
        tape[1_500] = 77;
        let word = encode("world:", &tape);
        assert!(word.len() < 30, "{word}");
        assert_eq!(decode("world:", &word, |_| Vec::new()), Some(tape));
    }

    #[test]
    fn a_number_is_a_seed_and_nonsense_is_nothing() {
        assert_eq!(decode("x:", "x:17", |seed| vec![seed]), Some(vec![17]));
        for text in ["17", "x:", "x:c", "x:cz", "x:cf", "x:c00", "x:c0000", "x:c00ff", "x:1f"] {
            assert_eq!(decode("x:", text, |seed| vec![seed]), None, "{text}");
        }
    }
}
