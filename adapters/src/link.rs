//! The link that lets a device join: where the server is, how to trust it, and a one-time secret.
//!
//! - `onefold://HOST:PORT/FOLDER#FINGERPRINT.SECRET`: TLS, the server's certificate is pinned;
//! - `onefold+web://HOST:PORT/FOLDER#SECRET`: TLS, verified by the system's roots (behind a proxy);
//! - `onefold+http://HOST:PORT/FOLDER#SECRET`: no TLS, loopback only.
//!
//! The folder's name in it is for people; the secret alone says which folder it is. What follows `#`
//! never leaves the device except to the server that the link names.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::secret::{Fingerprint, Secret};

/// The longest folder name, in bytes.
pub const MAX_FOLDER_NAME_BYTES: usize = 255;

const PINNED: &str = "onefold";
const WEB: &str = "onefold+web";
const PLAIN: &str = "onefold+http";

/// Escaped in a folder's name: all but what every chat program and shell takes as part of a link.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A server, and how it is known to be the right one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `HOST:PORT`, an IPv6 address in brackets.
    pub address: String,
    /// How it is trusted.
    pub trust: Trust,
}

/// How a client knows that it talks to the right server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// TLS, with just this certificate.
    Pinned(Fingerprint),
    /// TLS, with a certificate that the system's roots vouch for.
    Web,
    /// No TLS: loopback only.
    Plain,
}

/// What a person passes from a server to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where, and whom to trust.
    pub server: Server,
    /// The folder's name, for people.
    pub folder: String,
    /// What is traded for a token.
    pub secret: Secret,
}

/// Why a text is not a link. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Something else altogether.
    #[error(
        "this is not an Onefold link: it must begin with onefold://, onefold+web:// or \
         onefold+http://; copy the whole line that `onefold-server invite` prints"
    )]
    NotALink,
    /// No host and port that one could connect to.
    #[error("the link names no server: {0:?} is not HOST:PORT; copy the link once more")]
    BadAddress(String),
    /// The part after the address is not a folder's name.
    #[error("the link names no folder: {0}; copy the link once more")]
    BadFolder(&'static str),
    /// Nothing after `#`, or too little.
    #[error(
        "the link is cut off: the secret after # is missing or incomplete; copy the whole line, and \
         put it in quotes if the shell cuts it"
    )]
    CutOff,
    /// Plain HTTP to somewhere else.
    #[error(
        "the link asks for an unencrypted connection to {0}, which is another machine; Onefold does \
         so only on loopback; ask for a link that begins with onefold:// or onefold+web://"
    )]
    PlainElsewhere(String),
}

impl Server {
    /// The scheme of HTTP addresses on it: `https` or `http`.
    pub const fn http_scheme(&self) -> &'static str {
        match self.trust {
            Trust::Pinned(_) | Trust::Web => "https",
            Trust::Plain => "http",
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server: Server { address, trust }, folder, secret } = self;
        let folder = utf8_percent_encode(folder, ESCAPED);
        let secret = secret.reveal();
        match trust {
            Trust::Pinned(pin) => write!(f, "{PINNED}://{address}/{folder}#{pin}.{secret}"),
            Trust::Web => write!(f, "{WEB}://{address}/{folder}#{secret}"),
            Trust::Plain => write!(f, "{PLAIN}://{address}/{folder}#{secret}"),
        }
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(LinkError::NotALink)?;
        if ![PINNED, WEB, PLAIN].contains(&scheme) {
            return Err(LinkError::NotALink);
        }
        let (before, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (address, folder) = before.split_once('/').unwrap_or((before, ""));
        let address = parse_address(address)?;
        let folder = parse_folder(folder)?;
        let (trust, secret) = match scheme {
            PINNED => {
                let (pin, secret) = fragment.split_once('.').ok_or(LinkError::CutOff)?;
                (Trust::Pinned(Fingerprint::parse(pin).ok_or(LinkError::CutOff)?), secret)
            }
            PLAIN if !is_loopback(&address) => return Err(LinkError::PlainElsewhere(address)),
            PLAIN => (Trust::Plain, fragment),
            _ => (Trust::Web, fragment),
        };
        let secret = Secret::parse(secret).ok_or(LinkError::CutOff)?;
        Ok(Self { server: Server { address, trust }, folder, secret })
    }
}

/// Whether `HOST:PORT` is this machine, as far as the text alone shows.
pub fn is_loopback(address: &str) -> bool {
    match address.parse::<SocketAddr>() {
        Ok(address) => address.ip().is_loopback(),
        Err(_) => address.rsplit_once(':').is_some_and(|(host, _)| host == "localhost"),
    }
}

/// Checks that a text is `HOST:PORT`: a name or an address (IPv6 in brackets), and a port above 0.
pub fn parse_address(text: &str) -> Result<String, LinkError> {
    let valid = text.rsplit_once(':').is_some_and(|(host, port)| {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_is_valid = match bracketed {
            Some(inner) => inner.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()),
            None => is_host_name(host),
        };
        host_is_valid && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if valid { Ok(text.to_owned()) } else { Err(LinkError::BadAddress(text.to_owned())) }
}

fn is_host_name(host: &str) -> bool {
    (1..=253).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn parse_folder(escaped: &str) -> Result<String, LinkError> {
    let folder = percent_decode_str(escaped)
        .decode_utf8()
        .map_err(|_| LinkError::BadFolder("its name is not text"))?;
    check_folder_name(&folder).map_err(LinkError::BadFolder)?;
    Ok(folder.into_owned())
}

/// Checks what a person calls a folder on the server.
pub fn check_folder_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("its name is empty");
    }
    if name.len() > MAX_FOLDER_NAME_BYTES {
        return Err("its name is longer than 255 bytes");
    }
    if name.contains('/') || name.chars().any(char::is_control) {
        return Err("its name holds a slash or a control character");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(address: &str, trust: Trust, folder: &str) -> Link {
        let server = Server { address: address.to_owned(), trust };
        Link { server, folder: folder.to_owned(), secret: Secret::generate() }
    }

    #[test]
    fn every_form_of_link_reads_back_as_it_was_written() {
        let pinned = Trust::Pinned(Fingerprint::of(b"certificate"));
        for link in [
            link("example.org:4433", pinned, "default"),
            link("[::1]:1", pinned, "Fotos & Übriges 100%"),
            link("proxy.example.org:443", Trust::Web, "a b#c?d"),
            link("127.0.0.1:8080", Trust::Plain, "x"),
            link("localhost:8080", Trust::Plain, "x"),
        ] {
            let text = link.to_string();
            assert!(!text.contains([' ', '&', '?']), "{text}");
            assert_eq!(text.parse::<Link>().as_ref(), Ok(&link), "{text}");
            assert_eq!(format!(" {text}\n").parse(), Ok(link));
        }
    }

    #[test]
    fn a_malformed_link_is_refused_with_what_is_wrong() {
        let good = link("h:1", Trust::Pinned(Fingerprint::of(b"x")), "f").to_string();
        let secret = Secret::generate().reveal();
        let check = |text: &str, expected: fn(&LinkError) -> bool| {
            let error = text.parse::<Link>().expect_err(text);
            assert!(expected(&error), "{text}: {error}");
        };
        for text in ["", "x", "https://h:1/f#x", "onefold:h", "ONEFOLD+ftp://h:1/f"] {
            check(text, |error| matches!(error, LinkError::NotALink));
        }
        for address in ["", "h", "h:", "h:0", "h:65536", "h:x", ":1", "::1:1", "[x]:1", "a b:1"] {
            let text = good.replace("h:1", address);
            check(&text, |error| matches!(error, LinkError::BadAddress(_)));
        }
        for folder in ["", "%2f", "%00", "%ff", &"a".repeat(256)] {
            let text = good.replace("/f#", &format!("/{folder}#"));
            check(&text, |error| matches!(error, LinkError::BadFolder(_)));
        }
        for text in [
            &good[..good.len() - 1],
            good.split_once('#').unwrap().0,
            &good.replace('.', ""),
            &format!("onefold://h:1/f#{secret}"),
            &format!("onefold+web://h:1/f#{}", &secret[1..]),
        ] {
            check(text, |error| matches!(error, LinkError::CutOff));
        }
        let elsewhere = format!("onefold+http://192.0.2.1:80/f#{secret}");
        check(&elsewhere, |error| matches!(error, LinkError::PlainElsewhere(_)));
    }
}
