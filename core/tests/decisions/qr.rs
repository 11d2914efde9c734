//! The drawing of QR codes, read back by a scanner.

use countersign_core::factor::Totp;
use countersign_core::factor::totp::TotpParameters;
use countersign_core::qr::{Look, draw};

use crate::people::Seeded;

/// Reads the half-blocks back to modules; true is a block.
fn modules(drawing: &str) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for line in drawing.lines() {
        let halves = line.chars().map(|block| match block {
            '█' => (true, true),
            '▀' => (true, false),
            '▄' => (false, true),
            ' ' => (false, false),
            other => panic!("{other:?} is no half-block"),
        });
        let (upper, lower): (Vec<bool>, Vec<bool>) = halves.unzip();
        rows.extend([upper, lower]);
    }
    rows
}

/// Scans a drawing as a camera would see it on a dark (blocks are light) or a light terminal.
fn scan(drawing: &str, look: Look) -> String {
    const SCALE: usize = 4;
    let rows = modules(drawing);
    let [width, height] = [rows[0].len() * SCALE, rows.len() * SCALE];
    let blocks_are_light = look == Look::LightBlocks;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        if rows[y / SCALE][x / SCALE] == blocks_are_light { 255 } else { 0 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code is seen in\n{drawing}");
    grids[0].decode().unwrap().1
}

fn size(drawing: &str) -> (usize, usize) {
    (drawing.lines().map(|line| line.chars().count()).max().unwrap(), drawing.lines().count())
}

#[test]
fn a_scanner_reads_the_setup_uri_back_in_both_looks() {
    let totp = Totp::generate(TotpParameters::default(), &mut Seeded(7));
    let uri = totp.uri("Example University", "alice@lab1");
    for look in [Look::LightBlocks, Look::DarkBlocks] {
        let drawing = draw(uri.expose(), look).unwrap();
        assert_eq!(scan(&drawing, look), *uri.expose());
    }
}

#[test]
fn a_setup_uri_of_105_characters_fits_80_by_24_with_room_for_the_prompt() {
    let uri = format!("otpauth://totp/{:a<90}", "");
    assert_eq!(uri.len(), 105);
    let drawing = draw(&uri, Look::LightBlocks).unwrap();
    assert_eq!(size(&drawing), (41, 21));
    assert_eq!(scan(&drawing, Look::LightBlocks), uri);
}

#[test]
fn two_light_modules_stand_around_the_code() {
    let rows = modules(&draw("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ", Look::LightBlocks).unwrap());
    let width = rows[0].len();
    // An odd number of rows leaves the lower half of the last line blank.
    for row in rows.iter().take(width) {
        assert_eq!(row.len(), width, "every line is as wide");
        assert!(row[0] && row[1] && row[width - 1] && row[width - 2]);
    }
    for row in [0, 1, width - 2, width - 1] {
        assert!(rows[row].iter().all(|light| *light), "row {row}");
    }
    assert!(!rows[2][2], "the finder pattern begins right behind them");
}

#[test]
fn light_blocks_end_no_line_in_a_space_that_could_be_cut() {
    let drawing = draw("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ", Look::LightBlocks).unwrap();
    assert!(drawing.lines().all(|line| !line.ends_with(' ')));
    assert!(!drawing.ends_with('\n'));
}

#[test]
fn what_does_not_fit_a_terminal_is_not_drawn() {
    let widest = draw(&"a".repeat(458), Look::LightBlocks).unwrap();
    assert_eq!(size(&widest), (77, 39));
    assert_eq!(draw(&"a".repeat(459), Look::LightBlocks), None);
    assert_eq!(draw(&"a".repeat(1_000_000), Look::LightBlocks), None);
}
