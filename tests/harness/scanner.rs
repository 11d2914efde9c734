//! A phone's camera: reads the QR code that a terminal shows in half-blocks, with the scanner library zbar.
//!
//! It sees what a person sees on a dark terminal: blocks are light, the rest is dark.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

/// Pixels of a module's side: zbar reads three or more.
const SCALE: usize = 6;

/// Characters that draw two modules, one above the other.
const BLOCKS: [char; 3] = ['█', '▀', '▄'];

/// Reads the one QR code on a screen.
///
/// # Errors
/// When there is none, or the scanner cannot read it.
pub fn scan(screen: &str) -> Result<String> {
    let image = NamedTempFile::with_suffix(".pgm").context("image of the screen")?;
    std::fs::write(image.path(), picture(&drawing(screen)?)).context("image of the screen")?;
    let scan = ["--kill-after=2", "30", "zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"];
    let output = Command::new("timeout").args(scan).arg(image.path()).output().context("starting zbarimg")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the scanner reads no QR code ({}): {said}\n{screen}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

/// Takes the lines that are drawn with blocks; what stands before the first block of a line is not part of it.
fn drawing(screen: &str) -> Result<Vec<Vec<char>>> {
    let is_drawn = |line: &&str| line.chars().filter(|c| BLOCKS.contains(c)).count() >= 8;
    let lines: Vec<Vec<char>> =
        screen.lines().filter(is_drawn).map(|line| line.trim_end().chars().collect()).collect();
    ensure!(lines.len() >= 11, "no QR code on the screen:\n{screen}");
    Ok(lines)
}

/// Paints the lines as a gray image (portable graymap, as text).
fn picture(lines: &[Vec<char>]) -> String {
    let width = lines.iter().map(Vec::len).max().unwrap_or_default();
    let mut image = format!("P2\n{} {}\n1\n", width * SCALE, lines.len() * 2 * SCALE);
    for line in lines {
        for lit in [['█', '▀'], ['█', '▄']] {
            let modules = (0..width).map(|column| line.get(column).is_some_and(|c| lit.contains(c)));
            let row: String = modules.map(|light| if light { "1 " } else { "0 " }.repeat(SCALE)).collect();
            (0..SCALE).for_each(|_| writeln!(image, "{row}").unwrap_or_default());
        }
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_block_is_light_above_or_below() {
        let image = picture(&[vec!['█', '▀', '▄', ' ']]);
        let rows: Vec<String> = image.lines().skip(3).map(|row| row.replace(' ', "")).collect();
        let wide = |modules: &str| modules.chars().map(|m| m.to_string().repeat(SCALE)).collect::<String>();
        assert_eq!(rows.first().unwrap(), &wide("1100"));
        assert_eq!(rows.last().unwrap(), &wide("1010"));
    }

    #[test]
    fn a_screen_without_a_drawing_is_refused() {
        assert!(scan("Code: ").is_err());
    }
}
