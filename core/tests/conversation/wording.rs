//! The organization's own wording: where it stands, and that it hides nothing whatever it says (row L14).

use countersign_core::contact::EmailAddress;
use countersign_core::conversation::{Reply, State};
use countersign_core::delivery::Recipient;
use countersign_core::factor::Method;
use countersign_core::policy::{Enrollment, Requirement};
use countersign_core::words::texts::{Place, Texts};
use countersign_core::words::{LANGUAGES, Language, Message, Sending, Setup, render, say};
use proptest::prelude::*;

use crate::acts::{alice, answer, begin, key_of, messages, sheet_of};
use crate::phone::Phone;
use crate::world::{World, person, ssh_login};

fn texts(said: &[(&str, &str)]) -> Texts {
    let mut texts = Texts::default();
    for (key, text) in said {
        texts.set(key, None, text).expect("a text");
    }
    texts
}

fn shown(world: &World, reply: &Reply) -> String {
    let voice = world.policy.settings.voice(world.policy.settings.language);
    render(voice, reply).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_own_text_stands_in_the_place_of_our_sentence() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    world.policy.settings.organization = "Example University".into();
    world.policy.settings.texts = texts(&[
        ("code", "{organization} code"),
        ("enroll", "Scan this. {help} knows more."),
        ("locked", "Closed until {until}, says {organization}."),
    ]);
    let (mut conversation, reply) = begin(&mut world, ssh_login(alice()));
    let screen = shown(&world, &reply);
    assert!(screen.starts_with("Scan this. IT helpdesk, +49 30 1234 knows more.\n"), "{screen}");
    assert!(screen.ends_with("\nExample University code: "), "{screen}");
    let phone = key_of(&reply);
    let code = phone.code(world.wall, 0);
    let _ = answer(&mut world, &mut conversation, &code);
    let mut last = String::new();
    for login in 0..2 {
        let (mut conversation, _) = begin(&mut world, ssh_login(alice()));
        for guess in 0..if login == 0 { 3 } else { 2 } {
            let wrong = phone.wrong(world.wall, guess);
            let reply = answer(&mut world, &mut conversation, &wrong);
            last = shown(&world, &reply);
        }
    }
    assert_eq!(last, "Closed until 14:32 UTC, says Example University.");
}

#[test]
fn a_prompt_ends_as_every_prompt_whatever_the_text_ends_with() {
    for (text, prompt) in [
        ("Code", "Code: "),
        ("Code:", "Code: "),
        ("Code : ", "Code : "),
        ("验证码：", "验证码: "),
        ("Code?", "Code?: "),
    ] {
        let mut world = World::new(Requirement::Always, Enrollment::SelfService);
        world.policy.settings.texts = texts(&[("code", text)]);
        let _ = world.enroll(&alice(), "phone");
        let (_, reply) = begin(&mut world, ssh_login(alice()));
        assert_eq!(shown(&world, &reply), prompt);
    }
}

#[test]
fn where_own_texts_would_make_a_screen_too_large_ours_stand() {
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    world.policy.settings.help = Some("x".repeat(200));
    world.policy.settings.texts = texts(&[("enroll", &"{help}".repeat(80)), ("code", "Own code")]);
    let (_, reply) = begin(&mut world, ssh_login(alice()));
    let screen = shown(&world, &reply);
    assert!(screen.starts_with("Set up your code"), "{screen}");
    assert!(screen.ends_with("\nCode: "), "{screen}");
}

/// Plain text, placeholders and marks that could be mistaken for ours.
fn a_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "\\PC{0,60}",
        2 => prop::sample::select(vec!["{help}", "{organization}", "{until}", "{days}", "{recipient}", "skip"])
            .prop_map(str::to_owned),
        1 => "[x:： %]{0,400}",
    ];
    prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// That a screen is printable, within 4 KiB, and has one prompt, is asserted in every turn.
    #[test]
    fn no_text_hides_what_has_to_be_read(
        said in prop::collection::vec(
            (prop::sample::select(&Place::ALL[..]), prop::option::of(prop::sample::select(&LANGUAGES[..])), a_text()),
            0..12,
        ),
        language in prop::sample::select(&LANGUAGES[..]),
        enroll in prop_oneof![
            Just(Enrollment::AtLogin), Just(Enrollment::SelfService), Just(Enrollment::Invited)
        ],
    ) {
        let mut world = World::new(Requirement::Always, enroll);
        world.policy.settings.language = language;
        world.policy.default.methods = vec![Method::Totp, Method::Backup];
        for (place, language, text) in &said {
            let _ = world.policy.settings.texts.set(place.name(), *language, text);
        }
        play(&mut world, enroll);
        play_with_mail(&mut world);
    }
}

/// A login with a code that is sent: where to is always told.
fn play_with_mail(world: &mut World) {
    world.policy.default.methods = vec![Method::Email];
    world.policy.settings.channels.email = true;
    let bob = person("bob", 1001);
    let address = EmailAddress::try_from("bob@example.org").expect("an address");
    let _ = world.enroll_recipient(&bob, "mailbox", Recipient::Email(address));
    let (mut conversation, reply) = begin(world, ssh_login(bob));
    one_line_each(world, &reply);
    assert!(
        messages(&reply).iter().any(|message| matches!(message, Message::Sending(Sending::OnItsWay { .. })))
    );
    assert!(shown(world, &reply).contains("b•••@example.org"), "{}", shown(world, &reply));
    for text in ["?", "resend", "00000000"] {
        let reply = answer(world, &mut conversation, text);
        one_line_each(world, &reply);
    }
}

/// A first login with its backup codes, then a second with wrong codes until it is locked.
fn play(world: &mut World, enroll: Enrollment) {
    let (mut conversation, reply) = begin(world, ssh_login(alice()));
    one_line_each(world, &reply);
    let phone = if enroll == Enrollment::AtLogin {
        let phone = key_of(&reply);
        assert!(shown(world, &reply).contains(&key_in_groups(&reply)), "the key is read");
        assert!(shown(world, &reply).contains('█'), "the drawing is seen");
        let reply = answer(world, &mut conversation, &phone.code(world.wall, 0));
        let screen = shown(world, &reply);
        assert!(sheet_of(&reply).iter().all(|code| screen.contains(code)), "the backup codes are read");
        let _ = answer(world, &mut conversation, "saved");
        phone
    } else {
        Phone::of(&world.enroll(&alice(), "phone"))
    };
    for _ in 0..2 {
        let (mut conversation, reply) = begin(world, ssh_login(alice()));
        one_line_each(world, &reply);
        for text in ["?", "", &phone.wrong(world.wall, 1), &phone.wrong(world.wall, 2)] {
            let reply = answer(world, &mut conversation, text);
            one_line_each(world, &reply);
            if reply.state != State::Ask {
                break;
            }
        }
        world.wait(60);
    }
}

fn key_in_groups(reply: &Reply) -> String {
    let key = messages(reply).into_iter().find_map(|message| match message {
        Message::Setup(Setup::Key { key, .. }) => Some(key.expose().clone()),
        _ => None,
    });
    key.expect("a key on the screen")
}

/// A message takes as many lines as it does in our words: one, but for drawings and backup codes.
fn one_line_each(world: &World, reply: &Reply) {
    let voice = world.policy.settings.voice(world.policy.settings.language);
    for (line, (_, text)) in reply.lines.iter().zip(render(voice, reply)) {
        let ours: usize =
            line.messages.iter().map(|message| say(Language::English, message).lines().count()).sum();
        assert_eq!(text.lines().count(), ours, "{text:?}");
    }
    if reply.state == State::Ask {
        assert!(shown(world, reply).ends_with(": "), "{:?}", shown(world, reply));
    }
}
