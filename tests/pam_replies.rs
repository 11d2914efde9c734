//! Ten thousand malformed replies to the module: none is ever `PAM_SUCCESS` or `PAM_IGNORE` (SECURITY.md A07).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics to fail")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_tests::pam::{Person, Stacks, Transaction, code};
use countersign_tests::service::{
    Act, CONVERSATION, Call, Lines, Service, ask, reply, reply_to_serial, step_reply,
};
use zbus::{Message, ObjectPath};

/// How many mutated replies are tried.
const CASES: u64 = 10_000;

/// A small generator with a fixed seed, so that a case that fails fails again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

/// A stack in which IGNORE cannot hide behind another module: it comes out as success, as the module's own success.
fn stacks(service: &Service) -> Stacks {
    let stacks = Stacks::new().unwrap();
    let lines =
        format!("auth required pam_permit.so\nauth required {{module}} timeout=1 {}", service.option());
    stacks.write("sudo", &lines).unwrap();
    stacks
}

fn log_in(stacks: &Stacks) -> i32 {
    let person = Person::answering(["492039", "492039", "492039", "492039"]);
    Transaction::start(stacks, "sudo", "alice", person).unwrap().authenticate()
}

/// Spoils the bytes of a reply that lets nobody in.
fn spoiled(seed: u64, call: &Message) -> Vec<u8> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let states = ["deny", "lock-out", "unavailable", "done", "failed", "allowed", "skipped", "ask"];
    let state = states[dice.roll(states.len())];
    let lines: Lines =
        (0..dice.roll(4)).map(|style| (u32::try_from(style).unwrap(), "Text.".to_owned())).collect();
    let mut bytes = step_reply(call, state, &lines);
    for _ in 0..=dice.roll(6) {
        let place = dice.roll(bytes.len());
        match dice.roll(6) {
            0 => bytes[place] ^= 1 << dice.roll(8),
            1 => bytes[place] = u8::try_from(dice.roll(256)).unwrap(),
            2 => bytes.truncate(place.max(1)),
            3 => bytes.insert(place, u8::try_from(dice.roll(256)).unwrap()),
            4 => drop(bytes.remove(place)),
            _ => bytes.extend((0..dice.roll(64)).map(|_| 0xff)),
        }
        if bytes.is_empty() {
            bytes.push(b'l');
        }
    }
    bytes
}

#[test]
fn no_spoiled_reply_lets_anybody_in() {
    let case = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&case);
    let service = Service::acting(move |number, _: &Call| {
        let seed = counter.load(Ordering::SeqCst);
        // Every second case spoils the answer to `Answer` instead of the one to `Begin`.
        if seed.is_multiple_of(2) && number == 0 {
            ask()
        } else {
            Act::Bytes(Arc::new(move |call| spoiled(seed, call)))
        }
    })
    .unwrap();
    let stacks = stacks(&service);
    for seed in 1..=CASES {
        case.store(seed, Ordering::SeqCst);
        let result = log_in(&stacks);
        assert!(result != code::SUCCESS && result != code::IGNORE, "case {seed} gave {result}");
    }
}

fn conversation() -> ObjectPath<'static> {
    ObjectPath::try_from(CONVERSATION).unwrap()
}

/// Makes a reply with a body of another form than agreed.
type Forged = fn(&Message) -> Vec<u8>;

#[test]
fn a_body_of_another_form_lets_nobody_in() {
    let forged: Vec<(&str, Forged)> = vec![
        ("s", |call| reply(call, &"allow")),
        ("b", |call| reply(call, &true)),
        ("u", |call| reply(call, &0_u32)),
        ("nothing", |call| reply(call, &())),
        ("path and state", |call| reply(call, &(conversation(), "allow"))),
        ("a text for a path", |call| reply(call, &(CONVERSATION, "allow", Vec::<(u32, String)>::new()))),
        ("lines of another type", |call| reply(call, &(conversation(), "allow", vec!["line"]))),
        ("signed styles", |call| reply(call, &(conversation(), "allow", vec![(1_i32, "line")]))),
        ("one more field", |call| {
            reply(call, &(conversation(), "allow", Vec::<(u32, String)>::new(), 1_u32))
        }),
        ("a variant", |call| reply(call, &zbus::Variant::from("allow"))),
    ];
    for (name, body) in forged {
        for number in [0, 1] {
            let service = Service::acting(
                move |call, _: &Call| {
                    if call < number { ask() } else { Act::Bytes(Arc::new(body)) }
                },
            )
            .unwrap();
            assert_eq!(log_in(&stacks(&service)), code::AUTHINFO_UNAVAIL, "{name} to call {number}");
        }
    }
}

#[test]
fn a_conversation_outside_its_folder_lets_nobody_in() {
    let long = format!("/org/countersign1/conversation/{}", "c".repeat(65));
    for path in [
        "/",
        "/org/countersign1",
        "/org/countersign1/conversation",
        "/org/countersign1/conversations/c42",
        "/org/countersign1/conversation/c42/x",
        "/org/countersign1/conversationc42",
        "/c42",
        long.as_str(),
    ] {
        let path = path.to_owned();
        let service = Service::acting(move |_, _: &Call| {
            let path = path.clone();
            Act::Bytes(Arc::new(move |call| {
                let path = ObjectPath::try_from(path.as_str()).unwrap();
                reply(call, &(path, "allow", Vec::<(u32, String)>::new()))
            }))
        })
        .unwrap();
        assert_eq!(log_in(&stacks(&service)), code::AUTHINFO_UNAVAIL);
    }
}

#[test]
fn a_reply_to_another_call_lets_nobody_in() {
    let service = Service::acting(|_, _: &Call| {
        Act::Bytes(Arc::new(|call| {
            let serial = call.primary_header().serial_num().get() + 1;
            reply_to_serial(serial, call, &(conversation(), "allow", Vec::<(u32, String)>::new()))
        }))
    })
    .unwrap();
    assert_eq!(log_in(&stacks(&service)), code::AUTHINFO_UNAVAIL);
}

#[test]
fn a_frame_that_is_or_claims_to_be_huge_lets_nobody_in() {
    let service = Service::acting(|_, _: &Call| {
        Act::Bytes(Arc::new(|call| {
            let lines: Lines = vec![(1, "x".repeat(17 * 1024))];
            step_reply(call, "allow", &lines)
        }))
    })
    .unwrap();
    assert_eq!(log_in(&stacks(&service)), code::AUTHINFO_UNAVAIL);
    for order in [b'l', b'B'] {
        let claim = move |_: &Message| {
            let length = 120 * 1024 * 1024_u32;
            let length = if order == b'B' { length.to_be_bytes() } else { length.to_le_bytes() };
            [&[order, 2, 1, 1], length.as_slice(), &[1, 0, 0, 1], &[0, 0, 0, 0]].concat()
        };
        let service = Service::acting(move |_, _: &Call| Act::Bytes(Arc::new(claim))).unwrap();
        assert_eq!(log_in(&stacks(&service)), code::AUTHINFO_UNAVAIL);
    }
}
