//! Reading what `strace` wrote: which system call ended before which other began.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One system call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its arguments and its result, as `strace` shows them.
    pub text: String,
    /// The line at which it began.
    pub began: usize,
    /// The line at which it returned.
    pub ended: usize,
}

/// All system calls of a trace, in the order in which they began.
#[derive(Clone, Debug)]
pub struct Trace(pub Vec<Call>);

impl Trace {
    /// Reads a trace of `strace -f -ttt`. What had not returned is left out.
    pub fn read(path: &Path) -> Self {
        let text = fs::read(path).expect("strace has written its trace");
        let text = String::from_utf8_lossy(&text);
        let mut calls = Vec::new();
        let mut unfinished = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let mut parts = line.splitn(2, ' ');
            let thread = parts.next().unwrap_or_default().to_owned();
            let rest = parts.next().unwrap_or_default().trim_start();
            let Some((_time, rest)) = rest.split_once(' ') else { continue };
            if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
                unfinished.insert(thread, (number, begun.to_owned()));
            } else if let Some(resumed) = rest.strip_prefix("<... ") {
                let Some((began, begun)) = unfinished.remove(&thread) else { continue };
                let tail = resumed.split_once("resumed>").map_or("", |(_, tail)| tail);
                calls.extend(call(&format!("{begun}{tail}"), began, number));
            } else {
                calls.extend(call(rest, number, number));
            }
        }
        calls.sort_by_key(|call| call.began);
        Self(calls)
    }

    /// Those with this name.
    pub fn named<'t>(&'t self, names: &'t [&str]) -> impl Iterator<Item = &'t Call> {
        self.0.iter().filter(|call| names.contains(&call.name.as_str()))
    }
}

impl Call {
    /// The bytes of its first string argument, as far as `strace` was told to show them.
    pub fn bytes(&self) -> Vec<u8> {
        let Some(start) = self.text.find(", \"") else { return Vec::new() };
        unescape(&self.text.as_bytes()[start + 3..])
    }

    /// What it returned; negative for an error.
    pub fn result(&self) -> i64 {
        let result = self.text.rsplit(" = ").next().unwrap_or_default();
        let number = result.split(|c: char| c != '-' && !c.is_ascii_digit()).next();
        number.and_then(|number| number.parse().ok()).unwrap_or(-1)
    }
}

fn call(text: &str, began: usize, ended: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| Call { name: name.to_owned(), text: rest.to_owned(), began, ended })
}

/// Reads a C string up to its closing quote.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => break,
            b'\\' => {
                let digits = text[at..].iter().take(3).take_while(|d| (b'0'..b'8').contains(d));
                let digits = digits.count();
                if digits > 0 {
                    let octal = &text[at..at + digits];
                    bytes.push(octal.iter().fold(0_u8, |sum, d| (sum << 3) | (d - b'0')));
                    at += digits;
                } else {
                    let letter = text.get(at).copied().unwrap_or_default();
                    at += 1;
                    bytes.push(match letter {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        b'v' => 0x0b,
                        b'f' => 0x0c,
                        other => other,
                    });
                }
            }
            other => bytes.push(other),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_another_thread_interrupts_is_one_call() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace");
        let text = "1  1.0 fdatasync(9</x/db-wal> <unfinished ...>\n\
                    2  1.1 sendto(5<TCP:[a->b]>, \"\\202\\5\\2\\\"a\\n\", 6, 0, NULL, 0) = 6\n\
                    1  1.2 <... fdatasync resumed>) = 0\n\
                    1  1.3 +++ exited with 0 +++\n";
        fs::write(&path, text).unwrap();
        let trace = Trace::read(&path);
        let [sync, send] = &trace.0[..] else { panic!("{trace:?}") };
        assert_eq!((&*sync.name, sync.began, sync.ended, sync.result()), ("fdatasync", 0, 2, 0));
        assert_eq!((&*send.name, send.result()), ("sendto", 6));
        assert_eq!(send.bytes(), b"\x82\x05\x02\"a\n");
    }
}
