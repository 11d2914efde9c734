//! Codes are read back by an independent scanner library.

use super::*;
use std::os::unix::fs::PermissionsExt;

const URI: &str = "otpauth://totp/Example%20University:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example%20University";

/// Reads a picture of `side` × `side` pixels, dark where the function says so.
fn scan(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
    const ZOOM: usize = 4;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * ZOOM, side * ZOOM, |column, row| {
        if is_dark(column / ZOOM, row / ZOOM) { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code is seen");
    grids[0].decode().unwrap().1
}

/// Turns what was drawn back into modules: two rows of them from each line.
fn modules_of(drawing: &str, ink_is_dark: bool) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for line in drawing.lines() {
        let line = line.replace("\u{1b}[38;5;16;48;5;231m", "").replace("\u{1b}[0m", "");
        rows.push(line.chars().map(|block| "█▀".contains(block) == ink_is_dark).collect());
        rows.push(line.chars().map(|block| "█▄".contains(block) == ink_is_dark).collect());
    }
    rows
}

#[test]
fn a_drawn_code_reads_as_its_uri_in_every_look_and_zone() {
    let roomy = Size { columns: 200, rows: 100 };
    let tight = Size { columns: 80, rows: 24 };
    for size in [roomy, tight] {
        for (look, ink_is_dark) in [(Look::BlackOnWhite, true), (Look::LightBlocks, false)] {
            let drawing = draw(URI, look, size).unwrap();
            let modules = modules_of(&drawing, ink_is_dark);
            let dark = |column: usize, row: usize| modules[row][column];
            assert_eq!(scan(modules[0].len(), dark), URI, "{look:?} {size:?}");
        }
    }
}

#[test]
fn a_code_for_a_usual_account_fits_eighty_by_twenty_four() {
    let drawing = draw(URI, Look::LightBlocks, Size { columns: 80, rows: 24 }).unwrap();
    let quiet_row = 1;
    assert!(drawing.lines().count() + ROWS_BELOW <= 24 + quiet_row, "no module scrolls away under the key");
    assert!(drawing.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn the_quiet_zone_gives_way_before_the_code_does() {
    let wide = draw(URI, Look::LightBlocks, Size { columns: 80, rows: 60 }).unwrap();
    let side = wide.lines().next().unwrap().chars().count();
    let narrow = draw(URI, Look::LightBlocks, Size { columns: side - 1, rows: 60 }).unwrap();
    assert_eq!(narrow.lines().next().unwrap().chars().count(), side - 4);
    assert!(draw(URI, Look::LightBlocks, Size { columns: side - 5, rows: 60 }).is_none());
    assert!(draw(URI, Look::LightBlocks, Size { columns: 80, rows: 12 }).is_none());
}

#[test]
fn a_uri_too_long_for_any_code_is_not_drawn() {
    let long = format!("{URI}{}", "x".repeat(4000));
    assert!(draw(&long, Look::BlackOnWhite, Size { columns: 1000, rows: 1000 }).is_none());
}

#[test]
fn a_png_reads_as_its_uri_and_only_its_owner_can_read_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let at: QrPath = folder.path().join("code.PNG").to_str().unwrap().parse().unwrap();
    let (file, mut pen) = QrFile::create(&at).unwrap();
    pen.write("otpauth://totp/x?secret=AAAA").unwrap();
    pen.write(URI).unwrap();
    let path = file.keep();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let decoder = png::Decoder::new(std::io::BufReader::new(File::open(&path).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let side = usize::try_from(reader.next_frame(&mut pixels).unwrap().width).unwrap();
    assert_eq!(scan(side, |column, row| pixels[row * side + column] == 0), URI);
}

#[test]
fn an_svg_is_a_picture_of_black_on_white() {
    let folder = tempfile::tempdir().unwrap();
    let at: QrPath = folder.path().join("code.svg").to_str().unwrap().parse().unwrap();
    let (file, mut pen) = QrFile::create(&at).unwrap();
    pen.write(URI).unwrap();
    let text = std::fs::read_to_string(file.keep()).unwrap();
    assert!(text.contains("<svg") && text.contains("#ffffff") && text.contains("#000000"));
    assert!(!text.contains("JBSWY3DP"), "the key does not stand in it as text");
}

#[test]
fn a_file_that_is_there_already_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code.svg");
    std::fs::write(&path, "precious").unwrap();
    let failure = QrFile::create(&path.to_str().unwrap().parse().unwrap()).unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_link_in_the_way_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code.svg");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
    assert!(QrFile::create(&path.to_str().unwrap().parse().unwrap()).is_err());
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn a_file_that_is_not_kept_goes_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code.svg");
    let (file, mut pen) = QrFile::create(&path.to_str().unwrap().parse().unwrap()).unwrap();
    pen.write(URI).unwrap();
    drop(file);
    assert!(!path.exists());
}

#[test]
fn other_endings_are_refused() {
    for name in ["code", "code.jpg", "png", ".svg", ""] {
        assert!(name.parse::<QrPath>().is_err(), "{name}");
    }
}
