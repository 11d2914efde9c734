//! QR codes: drawn in the terminal, or written to a file that only its owner can read.
//!
//! Owns everything that is done with a setup URI here. The URI is a secret: what holds it or a picture of it is wiped,
//! and a file that did not lead to a finished enrollment is removed again.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

/// The quiet zone that the standard asks for, in modules.
const WIDE_ZONE: usize = 4;
/// The quiet zone that scanners still read on a terminal (DESIGN.md 7).
const NARROW_ZONE: usize = 2;
/// Rows that the prompt with the setup key takes below a code: with them the code must not scroll away.
const ROWS_BELOW: usize = 4;
/// Pixels of a module in a PNG.
const MODULE_PIXELS: usize = 8;

/// How a code is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Black on white, forced by escapes: right on every terminal.
    BlackOnWhite,
    /// Light modules as blocks, where escapes are not wanted: right on dark terminals.
    LightBlocks,
}

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Characters in a row.
    pub(crate) columns: usize,
    /// Rows.
    pub(crate) rows: usize,
}

/// The modules of a code with the quiet zone around them.
struct Modules {
    colors: Zeroizing<Vec<bool>>,
    width: usize,
    zone: usize,
}

impl Modules {
    fn encode(uri: &str, zone: usize) -> Option<Self> {
        let code = QrCode::with_error_correction_level(uri, EcLevel::L).ok()?;
        let width = code.width();
        let colors = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Some(Self { colors: Zeroizing::new(colors), width, zone })
    }

    const fn side(&self) -> usize {
        self.width + 2 * self.zone
    }

    /// Tells whether a module is dark; what lies outside is the quiet zone.
    fn is_dark(&self, column: usize, row: usize) -> bool {
        let inside =
            |position: usize| position.checked_sub(self.zone).filter(|position| *position < self.width);
        let (Some(column), Some(row)) = (inside(column), inside(row)) else { return false };
        self.colors.get(row * self.width + column).copied().unwrap_or(false)
    }
}

/// Draws a code in half-blocks, with the widest quiet zone that fits; none where it does not fit at all.
pub(crate) fn draw(uri: &str, look: Look, size: Size) -> Option<Zeroizing<String>> {
    [(WIDE_ZONE, ROWS_BELOW), (NARROW_ZONE, 1)].into_iter().find_map(|(zone, below)| {
        let modules = Modules::encode(uri, zone)?;
        let width = modules.side();
        let fits = width <= size.columns && width.div_ceil(2) + below <= size.rows;
        fits.then(|| draw_modules(&modules, look))
    })
}

fn draw_modules(modules: &Modules, look: Look) -> Zeroizing<String> {
    let side = modules.side();
    // Three bytes a character and the escapes of a row: no growth, hence no copy that is not wiped.
    let mut text = Zeroizing::new(String::with_capacity(side.div_ceil(2) * (3 * side + 40)));
    for row in (0..side).step_by(2) {
        if look == Look::BlackOnWhite {
            text.push_str("\u{1b}[38;5;16;48;5;231m");
        }
        for column in 0..side {
            let below_is_dark = row + 1 < side && modules.is_dark(column, row + 1);
            text.push(half_blocks(look, modules.is_dark(column, row), below_is_dark));
        }
        if look == Look::BlackOnWhite {
            text.push_str("\u{1b}[0m");
        }
        text.push('\n');
    }
    text
}

/// Chooses the character for two modules, one above the other; what is drawn is the ink.
const fn half_blocks(look: Look, above_is_dark: bool, below_is_dark: bool) -> char {
    let (above, below) = match look {
        Look::BlackOnWhite => (above_is_dark, below_is_dark),
        Look::LightBlocks => (!above_is_dark, !below_is_dark),
    };
    match (above, below) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

/// What is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
}

/// A file that a code is written to, by the name of its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QrPath {
    path: PathBuf,
    format: Format,
}

impl std::str::FromStr for QrPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("svg") => Ok(Self { path, format: Format::Svg }),
            Some("png") => Ok(Self { path, format: Format::Png }),
            _ => Err("the name of the file must end in .svg or .png".to_owned()),
        }
    }
}

/// A new file, readable by its owner only, that goes away with this value unless it is kept.
#[derive(Debug)]
pub(crate) struct QrFile {
    path: PathBuf,
    is_kept: bool,
}

/// What writes into a [`QrFile`].
#[derive(Debug)]
pub(crate) struct QrPen {
    file: File,
    format: Format,
}

impl QrFile {
    /// Makes the file; one that is there already is left alone.
    ///
    /// # Errors
    /// The file exists, or cannot be made.
    pub(crate) fn create(at: &QrPath) -> Result<(Self, QrPen), Failure> {
        let QrPath { path, format } = at;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| cannot_create(path, &error))?;
        Ok((Self { path: path.clone(), is_kept: false }, QrPen { file, format: *format }))
    }

    /// Keeps the file and tells its path.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.is_kept = true;
        self.path.clone()
    }
}

impl QrPen {
    /// Writes the code of a URI, in place of one that was written before.
    ///
    /// # Errors
    /// The URI does not fit a QR code, or the file cannot be written.
    pub(crate) fn write(&mut self, uri: &str) -> io::Result<()> {
        let bytes = match self.format {
            Format::Svg => svg_of(uri)?,
            Format::Png => png_of(uri)?,
        };
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&bytes)
    }
}

impl Drop for QrFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // A picture of a secret that is of no use any more; the person knows its name if it cannot be removed.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn cannot_create(path: &Path, error: &io::Error) -> Failure {
    let path = crate::output::printable(&path.display().to_string());
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Failure::new(Exit::Refused, format!("{path} exists already and is left as it is."))
            .with_help("Name another file with --qr.");
    }
    Failure::new(Exit::Refused, format!("{path} cannot be made: {error}."))
}

fn svg_of(uri: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let code = QrCode::with_error_correction_level(uri, EcLevel::L).map_err(io::Error::other)?;
    let image = code
        .render::<svg::Color<'_>>()
        .min_dimensions(300, 300)
        .dark_color(svg::Color("#000000"))
        .light_color(svg::Color("#ffffff"))
        .build();
    Ok(Zeroizing::new(image.into_bytes()))
}

fn png_of(uri: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let modules = Modules::encode(uri, WIDE_ZONE)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the setup URI is too long"))?;
    let side = modules.side() * MODULE_PIXELS;
    let pixels = Zeroizing::new(pixels_of(&modules, side));
    let dimension = u32::try_from(side).map_err(io::Error::other)?;
    // Larger than the picture can become: no growth, hence no copy that is not wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(side * side + 1024));
    let mut encoder = png::Encoder::new(&mut *bytes, dimension, dimension);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(&pixels).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)?;
    Ok(bytes)
}

fn pixels_of(modules: &Modules, side: usize) -> Vec<u8> {
    let shade = |position: usize| {
        let is_dark = modules.is_dark(position % side / MODULE_PIXELS, position / side / MODULE_PIXELS);
        if is_dark { 0 } else { u8::MAX }
    };
    (0..side * side).map(shade).collect()
}

#[cfg(test)]
mod tests;
