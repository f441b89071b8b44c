//! Which names a disk takes for one.
//!
//! Most disks of Linux take names as bytes. Others look them up without regard to case, or to whether
//! an accented letter is one character or a letter and an accent (Unicode's NFC and NFD), or both; some
//! of these give a name back in another form than it was given in. Bytes that are not UTF-8 are always
//! taken as they are.

use alloc::borrow::Cow;
use alloc::string::String;

use unicode_normalization::UnicodeNormalization;

use crate::name::Name;

/// What a disk does not tell apart in names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folding {
    /// Upper and lower case.
    pub case: bool,
    /// A letter in one character, and the same letter in several.
    pub form: bool,
}

impl Folding {
    /// Names are bytes.
    pub const NONE: Self = Self { case: false, form: false };

    /// Whether two names can clash at all.
    pub const fn folds(self) -> bool {
        self.case || self.form
    }

    /// The same but for case, which people mean.
    #[must_use]
    pub const fn of_form(self) -> Self {
        Self { case: false, ..self }
    }

    /// What all names have in common that are one here, and no other has.
    pub fn fold(self, name: &Name) -> Cow<'_, [u8]> {
        let bytes = name.as_bytes();
        if !self.folds() {
            return Cow::Borrowed(bytes);
        }
        if bytes.is_ascii() {
            return if self.case {
                bytes.to_ascii_lowercase().into()
            } else {
                Cow::Borrowed(bytes)
            };
        }
        let Ok(text) = core::str::from_utf8(bytes) else { return Cow::Borrowed(bytes) };
        let folded: String = match (self.case, self.form) {
            (true, true) => text.nfd().flat_map(char::to_lowercase).nfd().collect(),
            (true, false) => text.chars().flat_map(char::to_lowercase).collect(),
            (false, _) => text.nfd().collect(),
        };
        folded.into_bytes().into()
    }

    /// Whether two names are one here.
    pub fn same(self, one: &Name, other: &Name) -> bool {
        one == other || self.folds() && self.fold(one) == self.fold(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Folding = Folding { case: true, form: false };
    const FORM: Folding = Folding { case: false, form: true };
    const BOTH: Folding = Folding { case: true, form: true };

    fn check(one: &[u8], other: &[u8], same: [bool; 4]) {
        let (one, other) = (Name::new(one).unwrap(), Name::new(other).unwrap());
        let found = [Folding::NONE, CASE, FORM, BOTH].map(|folding| folding.same(&one, &other));
        assert_eq!(found, same, "{one} and {other}");
        let back = [Folding::NONE, CASE, FORM, BOTH].map(|folding| folding.same(&other, &one));
        assert_eq!(back, same, "{other} and {one}");
    }

    #[test]
    fn names_are_one_only_where_the_disk_does_not_tell_them_apart() {
        let text = |one: &str, other: &str, same| check(one.as_bytes(), other.as_bytes(), same);
        text("report", "report", [true; 4]);
        text("report", "Report", [false, true, false, true]);
        text("\u{e9}", "e\u{301}", [false, false, true, true]);
        text("\u{c9}", "\u{e9}", [false, true, false, true]);
        text("\u{c9}", "e\u{301}", [false, false, false, true]);
        text("e", "e\u{301}", [false; 4]);
        check(b"caf\xe9", b"caf\xc9", [false; 4]);
        check(b"CAF\xe9", b"caf\xe9", [false; 4]);
    }
}
