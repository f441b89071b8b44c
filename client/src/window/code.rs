//! A link as a QR code: the squares as one path of SVG, which pages draw.

use qrcode::{Color, QrCode};
use serde::Serialize;

/// The empty rim that readers need, in squares.
const RIM: usize = 4;

/// A code to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Code {
    /// Its width and height, in squares.
    size: usize,
    /// The dark squares.
    path: String,
}

impl Code {
    /// The code of a text; `None` if it is too long for one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = QrCode::new(text).ok()?;
        let width = code.width();
        let colors = code.to_colors();
        let mut path = String::new();
        for (row, colors) in colors.chunks(width).enumerate() {
            let mut column = 0;
            // Squares beside each other are one shape, so that no seam is seen between them.
            for run in colors.chunk_by(|left, right| left == right) {
                if run[0] == Color::Dark {
                    let (x, y, length) = (column + RIM, row + RIM, run.len());
                    path.push_str(&format!("M{x} {y}h{length}v1h-{length}z"));
                }
                column += run.len();
            }
        }
        Some(Self { size: width + 2 * RIM, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners() {
        let code = Code::of("onefold://127.0.0.1:4433/default#secret").unwrap();
        let right = code.size - RIM - 7;
        for corner in [format!("M{RIM} {RIM}h7v1"), format!("M{right} {RIM}h7v1")] {
            assert!(code.path.contains(&corner), "{corner} is not in {}", code.path);
        }
        assert_eq!(Code::of(&"x".repeat(8_000)), None);
    }
}
