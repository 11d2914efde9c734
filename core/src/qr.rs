//! QR codes as text for a terminal.
//!
//! Owns the drawing in half-blocks; the encoding is `qrcode`. Error correction L and a quiet zone of two modules keep
//! a setup URI of 105 characters at 41 × 21 (DESIGN.md 7). No color escapes: they do not survive sshd.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code; scanners read two on a terminal, the standard's four do not fit 24 lines.
const QUIET_ZONE: usize = 2;
/// The widest drawing, in modules: a terminal has 80 columns.
const WIDTH_LIMIT: usize = 80;

/// Which modules are drawn as blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Look {
    /// The light ones: right on a dark terminal.
    #[default]
    LightBlocks,
    /// The dark ones: right on a light terminal, or where black on white is forced.
    DarkBlocks,
}

/// Draws a text as a QR code, lines joined by newlines; none where it is too long for a terminal.
#[must_use]
pub fn draw(uri: &str, look: Look) -> Option<String> {
    let code = QrCode::with_error_correction_level(uri, EcLevel::L).ok()?;
    let width = code.width().checked_add(2 * QUIET_ZONE).filter(|width| *width <= WIDTH_LIMIT)?;
    let modules = with_quiet_zone(&code, width);
    let lines: Vec<String> = modules
        .chunks(2)
        .map(|rows| {
            let [upper, lower] = [rows.first(), rows.get(1)];
            upper
                .into_iter()
                .flatten()
                .enumerate()
                .map(|(column, above)| {
                    let below = lower.and_then(|row| row.get(column)).copied();
                    half_block(is_block(*above, look), below.is_some_and(|below| is_block(below, look)))
                })
                .collect()
        })
        .collect();
    Some(lines.join("\n"))
}

/// Copies the modules into rows with the quiet zone around them.
fn with_quiet_zone(code: &QrCode, width: usize) -> Vec<Vec<Color>> {
    let blank = || vec![vec![Color::Light; width]; QUIET_ZONE];
    let margin = [Color::Light; QUIET_ZONE];
    let colors = code.to_colors();
    let inner = colors.chunks(code.width()).map(|row| [&margin, row, &margin].concat());
    blank().into_iter().chain(inner).chain(blank()).collect()
}

const fn is_block(color: Color, look: Look) -> bool {
    match look {
        Look::LightBlocks => matches!(color, Color::Light),
        Look::DarkBlocks => matches!(color, Color::Dark),
    }
}

const fn half_block(above: bool, below: bool) -> char {
    match (above, below) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}
