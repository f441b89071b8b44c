//! What a running program uses, as the kernel counts it.

use std::fs;
use std::time::Duration;

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Time of all its threads on a processor, since it was started.
    pub processor: Duration,
    /// Bytes of memory that it holds.
    pub memory: u64,
}

impl Usage {
    /// Of the process with this id.
    pub fn of(id: u32) -> Self {
        let read = |file: &str| {
            let path = format!("/proc/{id}/{file}");
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        let (stat, status) = (read("stat"), read("status"));
        // After the name, which may hold anything: `proc(5)` counts its fields from 1.
        let (_, after) = stat.rsplit_once(')').expect("a name in parentheses");
        let fields: Vec<&str> = after.split_whitespace().collect();
        let ticks = |field: usize| fields[field - 3].parse::<u64>().expect("a number of ticks");
        let processor = Duration::from_millis((ticks(14) + ticks(15)) * 1_000 / TICKS_PER_SECOND);
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|rest| rest.trim().strip_suffix(" kB"));
        let kibibytes: u64 = kibibytes.and_then(|number| number.parse().ok()).expect("a number");
        Self { processor, memory: kibibytes * 1024 }
    }
}

/// `USER_HZ`, which is 100 on every Linux that people run.
const TICKS_PER_SECOND: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_this_test_uses() {
        let usage = Usage::of(std::process::id());
        assert!(usage.memory > 1_000_000, "{usage:?}");
        assert!(usage.processor < Duration::from_secs(3_600), "{usage:?}");
    }
}
