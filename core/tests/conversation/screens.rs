//! What reaches the screen: echo, language, the drawing, names that are too long or hostile.

use countersign_core::conversation::login::Login;
use countersign_core::conversation::{State, Style};
use countersign_core::login::LoginRequest;
use countersign_core::policy::{Echo, Enrollment, Requirement};
use countersign_core::printable::is_printable;
use countersign_core::words::{LANGUAGES, Language, Message, Setup};

use crate::world::{World, person, ssh_login};

use crate::acts::{alice, answer, begin, messages};

#[test]
fn the_file_may_hide_what_is_typed() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    world.policy.settings.echo = Echo::Hidden;
    let _ = world.enroll(&alice(), "phone");
    let (_, reply) = begin(&mut world, ssh_login(alice()));
    assert_eq!(reply.lines.last().map(|line| line.style), Some(Style::AskHidden));
}

#[test]
fn the_language_is_that_of_the_context_else_that_of_the_file() {
    let mut world = World::new(Requirement::Always, Enrollment::SelfService);
    world.policy.settings.language = Language::German;
    let spoken = |language| LoginRequest { language, ..ssh_login(alice()) };
    assert_eq!(Login::begin(spoken(None), world.policy()).language(), Language::German);
    assert_eq!(Login::begin(spoken(Some(Language::English)), world.policy()).language(), Language::English);
}

/// The QR code in the prompt, as a scanner sees it on a dark terminal, holds the key that is shown as text.
#[test]
fn the_drawing_in_the_prompt_holds_the_key_beside_it() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    let (_, reply) = begin(&mut world, ssh_login(alice()));
    let drawing = messages(&reply).into_iter().find_map(|message| match message {
        Message::Setup(Setup::Drawing(drawing)) => Some(drawing.expose().clone()),
        _ => None,
    });
    let uri = scan(&drawing.expect("a drawing"));
    let account = world.load(&alice());
    let kind = &account.factors.first().expect("a pending factor").kind;
    let key: String = kind.key_in_groups().expect("a key").expose().replace(' ', "");
    assert!(uri.contains(&format!("secret={key}")), "{uri}");
    assert!(uri.starts_with("otpauth://totp/") && uri.contains("alice"), "{uri}");
}

fn scan(drawing: &str) -> String {
    let rows: Vec<Vec<char>> = drawing.lines().map(|line| line.chars().collect()).collect();
    let width = rows.first().map_or(0, Vec::len);
    let scale = 4;
    let dark = |x: usize, y: usize| {
        let character = rows.get(y / 2).and_then(|row| row.get(x)).copied().unwrap_or(' ');
        let is_block = match character {
            '█' => true,
            '▀' => y.is_multiple_of(2),
            '▄' => !y.is_multiple_of(2),
            _ => false,
        };
        !is_block
    };
    let height = 2 * rows.len() - usize::from(width % 2 == 1);
    let shade = |x: usize, y: usize| if dark(x / scale, y / scale) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width * scale, height * scale, shade);
    let grids = image.detect_grids();
    let grid = grids.first().expect("a code in the drawing");
    grid.decode().expect("a readable code").1
}

/// Every screen of an enrollment stays within 4 KiB and printable, whatever the names; asserted in each turn.
#[test]
fn long_and_hostile_names_do_not_break_the_screen() {
    for language in LANGUAGES {
        for filler in ["x", "ü", "校", "\u{1b}", "\u{202e}", "%"] {
            let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
            world.policy.settings.organization = filler.repeat(300 / filler.len());
            world.policy.settings.help = Some(filler.repeat(500 / filler.len()));
            world.policy.settings.language = language;
            // A name is printable already; the other texts come from the file, which refuses such, and are shown safely.
            let letters = if filler.chars().all(is_printable) { filler } else { "x" };
            let name = letters.repeat(256 / letters.len());
            let mut conversation = begin(&mut world, ssh_login(person(&name, 1000))).0;
            for text in ["invert", "?", "", "new", "1", "2"] {
                assert_eq!(answer(&mut world, &mut conversation, text).state, State::Ask);
            }
        }
    }
}
