//! How much a test does: little by default, all that was promised in a long run.

/// Asks for the large counts.
const LONG: &str = "ONEFOLD_LONG";

/// Whether this is a long run.
pub fn long() -> bool {
    std::env::var_os(LONG).is_some_and(|value| !value.is_empty())
}

/// The first by default, the second in a long run.
pub fn pick<T>(small: T, large: T) -> T {
    if long() { large } else { small }
}
