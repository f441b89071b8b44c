//! What a database's URL says after its `?`: read here before the driver reads it, since that passes over
//! words that it does not know, and over an authority's certificate that it was not told to look at. Who
//! wrote them means to be protected by them.

use std::fs::File;

use percent_encoding::percent_decode_str;

/// The words that are known, as they are written.
const KNOWN: [&str; 5] = ["ssl-mode", CA, "ssl-cert", "ssl-key", "socket"];
/// Names an authority's certificate.
const CA: &str = "ssl-ca";
/// The modes in which it is looked at.
const VERIFYING: [&str; 2] = ["VERIFY_CA", "VERIFY_IDENTITY"];

/// Refuses what would not be done as it is written; the error is in words, without the URL's password.
pub(super) fn check(url: &str) -> Result<(), String> {
    let words = url.split_once('?').map(|(_, words)| words).unwrap_or_default();
    let words: Vec<(&str, String)> = words
        .split('&')
        .filter(|word| !word.is_empty())
        .map(|word| word.split_once('=').unwrap_or((word, "")))
        .map(|(key, value)| (key, percent_decode_str(value).decode_utf8_lossy().into_owned()))
        .collect();
    for (key, value) in &words {
        if !KNOWN.contains(key) {
            return Err(format!("the URL says {key}; known are {}", KNOWN.join(", ")));
        }
        if key.starts_with("ssl-") && *key != "ssl-mode" {
            File::open(value).map_err(|error| format!("{key}={value}: {error}"))?;
        }
    }
    let says = |key, values: &[&str]| {
        let is_one = |said: &str| values.iter().any(|value| said.eq_ignore_ascii_case(value));
        words.iter().any(|(said, value)| *said == key && is_one(value))
    };
    if words.iter().any(|(key, _)| *key == CA) && !says("ssl-mode", &VERIFYING) {
        let modes = VERIFYING.join(" or ssl-mode=");
        return Err(format!("{CA} is only looked at with ssl-mode={modes}: say so in the URL"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(words: &str) -> String {
        check(&format!("mysql://u:p@h/d{words}")).err().unwrap_or_default()
    }

    #[test]
    fn what_would_not_protect_is_refused() {
        let file = "/dev/null";
        for fine in [
            String::new(),
            "?".to_owned(),
            "?ssl-mode=REQUIRED".to_owned(),
            format!("?ssl-mode=verify_ca&ssl-ca={file}"),
            format!(
                "?ssl-ca=%2Fdev%2Fnull&ssl-mode=VERIFY_IDENTITY&ssl-cert={file}&ssl-key={file}"
            ),
        ] {
            assert_eq!(says(&fine), "", "{fine}");
        }
        for (bad, words) in [
            ("?ssl_mode=VERIFY_CA", "the URL says ssl_mode;"),
            ("?tls", "the URL says tls;"),
            (
                "?ssl-ca=/dev/null",
                "only looked at with ssl-mode=VERIFY_CA or ssl-mode=VERIFY_IDENTITY",
            ),
            ("?ssl-mode=REQUIRED&ssl-ca=/dev/null", "only looked at"),
            ("?ssl-mode=VERIFY_CA&ssl-ca=/no%20where", "ssl-ca=/no where: No such file"),
        ] {
            let said = says(bad);
            assert!(said.contains(words), "{bad}: {said}");
        }
    }
}
