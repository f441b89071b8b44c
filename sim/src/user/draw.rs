//! Draws user tapes at random.

use crate::tape::Random;

use super::script::{PLAIN_WORDS, WORDS};
use super::{Action, Editor, Pause, Spot, UserStep};

/// How users of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mood {
    /// Of 1000 pauses so many last until all is quiet.
    pub quiet_in_1000: u64,
    /// How long other pauses are at most.
    pub pause_ms: u64,
    /// Only the first device's user does anything.
    pub alone: bool,
    /// Only the plain actions: create, edit, delete, rename.
    pub plain: bool,
}

const EDITORS: [Editor; 11] = [
    Editor::Gedit,
    Editor::Vim,
    Editor::Emacs,
    Editor::LibreOffice,
    Editor::MsOffice,
    Editor::JetBrains,
    Editor::KeePass,
    Editor::MacOs,
    Editor::InDesign,
    Editor::Sed,
    Editor::Rsync,
];

/// A tape of so many steps.
pub fn steps(random: &mut Random, mood: Mood, count: usize) -> Vec<UserStep> {
    (0..count).map(|_| step(random, mood)).collect()
}

fn step(random: &mut Random, mood: Mood) -> UserStep {
    let pause = if random.below(1000) < mood.quiet_in_1000 {
        Pause::Quiet
    } else {
        Pause::Ms(random.below(mood.pause_ms.max(1)) as u16)
    };
    let device = if mood.alone { 0 } else { random.draw() as u8 };
    let pace = if random.below(3) == 0 { random.below(5) as u8 } else { 0 };
    UserStep { device, pause, action: action(random, mood), pace }
}

fn action(random: &mut Random, mood: Mood) -> Action {
    let which = random.draw() as u8;
    let other = random.draw() as u8;
    // The last words are one with others on some disks; they are rare.
    let words = if random.below(8) == 0 { WORDS.len() } else { PLAIN_WORDS };
    let word = random.below(words as u64) as u8;
    let spot = Spot { dir: random.draw() as u8, word };
    match random.below(if mood.plain { 48 } else { 110 }) {
        0..=13 => Action::Create(spot),
        14..=17 => Action::Append(which),
        18..=22 => Action::Rewrite(which),
        23..=25 => Action::Delete(which),
        26..=35 => Action::Rename(which, spot),
        36..=38 => Action::DeleteTree(which),
        39..=43 => Action::MakeTree(spot, other),
        44..=45 => Action::GoOffline,
        46..=47 => Action::GoOnline,
        48..=49 => Action::Overwrite(which),
        50..=53 => Action::Linger(which),
        54..=65 => Action::Save(which, random.one_of(&EDITORS)),
        66..=68 => Action::Download(spot),
        69..=70 => Action::RenameAndBack(which),
        71..=74 => Action::Replace(which, other),
        75..=77 => Action::Swap(which, other),
        78..=80 => Action::Rotate(which, other),
        81..=82 => Action::Copy(which, spot),
        83 => Action::Link(which, spot),
        84..=85 => Action::Symlink(spot),
        86 => Action::Retarget(which),
        87..=88 => Action::Chmod(which),
        89 => Action::Touch(which),
        90..=92 => Action::Storm(which, other),
        93 if other < 64 => Action::Pipe(spot),
        93 => Action::Chmod(which),
        94..=95 => Action::Access(which, other),
        96..=97 => Action::GoOffline,
        98..=99 => Action::GoOnline,
        100..=102 => Action::Checkout(which, other),
        103..=106 => Action::Database(which, other < 128),
        _ => Action::Install(which, other),
    }
}
