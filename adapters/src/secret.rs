//! Secrets of 256 random bits: what a link carries, and the token that a device gets for it.
//!
//! A secret is written as 43 characters of base64url. A server keeps only its hash, so that who reads
//! the database cannot pose as a device. A secret does not print itself, except on purpose.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::journal::SecretHash;

/// The characters of a secret, or of any other 32 bytes, as text.
const TEXT_CHARACTERS: usize = 43;

/// A one-time secret or a device's token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret([u8; 32]);

impl Secret {
    /// Draws one from the operating system.
    pub fn generate() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(bytes)
    }

    /// Reads what [`Secret::reveal`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        decode_32(text).map(Self)
    }

    /// The secret as text, for a link, a header or a file that only its owner can read.
    pub fn reveal(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// What a server knows it by.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.reveal()
    }
}

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a secret of 43 characters")
    }
}

/// The BLAKE3 hash of a server's certificate (its DER): what a client pins.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of this certificate.
    pub fn of(der: &[u8]) -> Self {
        Self(*blake3::hash(der).as_bytes())
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        decode_32(text).map(Self)
    }
}

impl fmt::Display for Fingerprint {
    /// 43 characters of base64url.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a fingerprint of 43 characters")
    }
}

fn decode_32(text: &str) -> Option<[u8; 32]> {
    if text.len() != TEXT_CHARACTERS {
        return None;
    }
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_back_as_it_was_written_and_does_not_print_itself() {
        let secret = Secret::generate();
        assert_eq!(Secret::parse(&secret.reveal()), Some(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_ne!(Secret::generate(), secret);
        assert!(Secret::parse(&secret.reveal()[1..]).is_none());
    }
}
