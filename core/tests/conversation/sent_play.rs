//! Codes that are sent, over dialogues that nobody thought of: two people who share a number, from several places at once,
//! in any order.
//!
//! Watched over all of it: how many codes go out (row D2), to whom, that nothing is sent to somebody unknown, locked or
//! before the first factor, that a code lets in once, that no new code forgives a wrong guess, and that only who asked to be
//! remembered passes unasked.

use std::time::Duration;

use countersign_core::account::Account;
use countersign_core::audit::EventId;
use countersign_core::conversation::{Conversation, Event, State, Verdict};
use countersign_core::delivery::{Failure, Progress, Purpose, Recipient};
use countersign_core::login::{FirstFactor, LoginRequest, Person, Source};
use countersign_core::throttle::{Bucket, DAY, Standing};
use countersign_core::time::WallTime;
use proptest::prelude::*;

use crate::mailbox::code_in;
use crate::sent::{mailbox_of, shared_number, world};
use crate::world::{World, person, ssh_login, stranger};

#[derive(Debug, Clone)]
enum Act {
    Login { slot: usize, who: usize, place: usize, late: bool },
    Answer { slot: usize, text: Text },
    Leave { slot: usize },
    Settle { fails: bool },
    Wait { seconds: u64 },
    MoveClockBack { seconds: u64 },
}

#[derive(Debug, Clone)]
enum Text {
    /// One of the codes that were sent, counted from the newest, with or without the wish to be remembered.
    Mailed(usize, bool),
    Word(&'static str),
}

const SLOTS: usize = 4;
const WORDS: [&str; 14] = [
    "resend",
    "resend",
    "resend",
    "email",
    "sms",
    "call",
    "1",
    "2",
    "?",
    "",
    "00000000",
    "0000 0001 r",
    "r",
    "skip",
];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let text = prop_oneof![
        2 => (0_usize..6, any::<bool>()).prop_map(|(place, wish)| Text::Mailed(place, wish)),
        5 => prop::sample::select(&WORDS[..]).prop_map(Text::Word),
    ];
    let act = prop_oneof![
        6 => (0..SLOTS, 0_usize..4, 0_usize..3, prop::bool::weighted(0.1))
            .prop_map(|(slot, who, place, late)| Act::Login { slot, who, place, late }),
        10 => (0..SLOTS, text).prop_map(|(slot, text)| Act::Answer { slot, text }),
        1 => (0..SLOTS).prop_map(|slot| Act::Leave { slot }),
        2 => any::<bool>().prop_map(|fails| Act::Settle { fails }),
        4 => prop_oneof![0_u64..400, Just(60), Just(3_600), Just(20_000)].prop_map(|seconds| Act::Wait { seconds }),
        1 => (0_u64..4_000).prop_map(|seconds| Act::MoveClockBack { seconds }),
    ];
    prop::collection::vec(act, 1..160)
}

struct Play {
    world: World,
    slots: Vec<(Conversation, LoginRequest)>,
    let_in: usize,
    /// Who asked to be remembered where, and until when.
    places: Vec<(LoginRequest, WallTime)>,
}

/// For how long the rule remembers.
const LIFE: Duration = Duration::from_hours(1);

impl Play {
    fn new(methods: usize) -> Self {
        let mut world = world();
        world.policy.settings.limits.failures = 8;
        world.policy.default.remember = Some(LIFE);
        for name in ["alice", "bob"] {
            let one = someone(name);
            if methods > 0 {
                let _ = world.enroll_recipient(&one, "mail", mailbox_of(name));
            }
            let _ = world.enroll_recipient(&one, "mobile", shared_number());
        }
        let nobody = (Conversation::End, ssh_login(someone("alice")));
        Self { world, slots: vec![nobody; SLOTS], let_in: 0, places: Vec::new() }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Login { slot, who, place, late } => {
                let who = match who {
                    0 | 1 => someone("alice"),
                    2 => someone("bob"),
                    _ => stranger("mallory"),
                };
                let request = login(who, *place, *late);
                let begun =
                    countersign_core::conversation::login::Login::begin(request.clone(), self.world.policy());
                *self.slots.get_mut(*slot).expect("a slot") = (begun, request);
                self.turn(*slot, Event::Begun);
            }
            Act::Answer { slot, text } => {
                let text = match text {
                    Text::Word(word) => (*word).to_owned(),
                    Text::Mailed(place, wish) => {
                        let mail = self.world.mailbox.codes().nth(*place);
                        let code = mail.map_or_else(String::new, |mail| code_in(&mail.outgoing));
                        if *wish { format!("{code} r") } else { code }
                    }
                };
                self.turn(*slot, Event::Answered(text.into()));
            }
            Act::Leave { slot } => self.turn(*slot, Event::ClientGone),
            Act::Settle { fails } => {
                if !self.world.mailbox.mails.is_empty() {
                    let progress =
                        if *fails { Progress::Failed(Failure::Unreachable) } else { Progress::Sent };
                    self.world.settle(progress);
                }
            }
            Act::Wait { seconds } => self.world.wait(*seconds),
            Act::MoveClockBack { seconds } => {
                self.world.wall = self.world.wall.before(Duration::from_secs(*seconds));
            }
        }
    }

    fn turn(&mut self, slot: usize, event: Event) {
        let (conversation, request) = self.slots.get(slot).cloned().expect("a slot");
        let before = self.world.load(&request.person);
        let sent = self.world.mailbox.codes().count();
        let seen = self.world.events.len();
        let redeemed = self.redeemed();
        let at = self.world.now().latest();
        let (next, reply) = self.world.turn(&conversation, event);
        self.slots.get_mut(slot).expect("a slot").0 = next;
        let after = self.world.load(&request.person);
        if self.world.mailbox.codes().count() > sent {
            self.check_sent(&request, &before);
        }
        self.check_places(&request, seen, at);
        let allowed = self.world.events.iter().skip(seen).any(|event| event.event == EventId::LoginAllowed);
        self.let_in += usize::from(allowed);
        assert_eq!(self.redeemed() - redeemed, usize::from(allowed), "let in by a code, which is used up");
        assert_eq!(self.let_in, self.redeemed());
        if !allowed {
            assert!(guesses(&after) >= guesses(&before), "a wrong guess was forgiven");
        }
        assert!(after.sent.len() <= 3, "codes that live at once");
        if request.first_factor == FirstFactor::Late || request.person.name.as_str() == "mallory" {
            let is_in = reply.is_some_and(|reply| reply.state == State::Verdict(Verdict::Allow));
            assert!(!is_in || request.person.name.as_str() != "mallory");
        }
        for one in [mailbox_of("alice"), mailbox_of("bob"), shared_number()] {
            self.check_caps(&one, at);
        }
    }

    /// Whoever passes unasked asked for that at this place, not long ago, and nothing locked since.
    fn check_places(&mut self, request: &LoginRequest, seen: usize, at: WallTime) {
        let is_same = |other: &LoginRequest| {
            (&other.person, &other.service, other.source)
                == (&request.person, &request.service, request.source)
        };
        for event in self.world.events.iter().skip(seen) {
            match event.event {
                EventId::PlaceRemembered => self.places.push((request.clone(), at.after(LIFE))),
                EventId::ThrottleLocked => self.places.retain(|(place, _)| place.person != request.person),
                EventId::LoginSkipped => {
                    assert_eq!(event.reason.as_deref(), Some("remembered"));
                    assert_eq!(request.first_factor, FirstFactor::Settled);
                    assert!(matches!(request.source, Source::Address(_)));
                    let holds = |(place, until): &(LoginRequest, WallTime)| is_same(place) && at < *until;
                    assert!(self.places.iter().any(holds), "passed unasked where nothing is remembered");
                }
                _ => {}
            }
        }
    }

    /// A code that has just gone out was for somebody who may have one.
    fn check_sent(&self, request: &LoginRequest, before: &Account) {
        let at = self.world.now().latest();
        let newest = &self.world.mailbox.codes().next().expect("a code").outgoing;
        let own = [mailbox_of(request.person.name.as_str()), shared_number()];
        assert!(own.contains(&newest.recipient), "to somebody else");
        assert_eq!(request.first_factor, FirstFactor::Settled, "before the first factor");
        let bucket = Bucket::of(request, before, at);
        assert_eq!(before.throttle.standing(bucket, at), Standing::Open, "to somebody locked");
        let unused = |span: u64| {
            let span = Duration::from_secs(span);
            // Notices count toward no cap of codes.
            let counts = |send: &&countersign_core::sending::Send| {
                send.purpose == Purpose::Code && !send.is_used && at.since(send.at) < span
            };
            before.sends.iter().filter(counts).count()
        };
        assert!(unused(600) < 5 && unused(86_400) < 10, "more than the person's cap");
    }

    fn check_caps(&self, recipient: &Recipient, at: WallTime) {
        let within = |span| self.world.mailbox.unused_within(recipient, span, at);
        assert!(within(Duration::from_mins(10)) <= 5, "more than the recipient's short cap");
        assert!(within(DAY) <= 10, "more than the recipient's cap of a day");
        assert!(within(Duration::from_mins(1)) <= 1, "within the wait");
    }

    fn redeemed(&self) -> usize {
        self.world.mailbox.mails.iter().filter(|mail| mail.is_used).count()
    }
}

fn guesses(account: &Account) -> usize {
    account.throttle.buckets.values().map(|counter| usize::try_from(counter.in_a_row).expect("a count")).sum()
}

fn someone(name: &str) -> Person {
    person(name, if name == "alice" { 1000 } else { 1001 })
}

fn login(person: Person, place: usize, late: bool) -> LoginRequest {
    let request = ssh_login(person);
    let first_factor = if late { FirstFactor::Late } else { FirstFactor::Settled };
    let address = |text: &str| Source::Address(text.parse().expect("an address"));
    match place {
        0 => LoginRequest { first_factor, ..request },
        1 => LoginRequest { first_factor, source: address("203.0.113.9"), ..request },
        _ => LoginRequest { first_factor, service: "login".into(), source: Source::Local, ..request },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_sends_more_than_the_caps_or_forgives_a_guess(acts in acts(), methods in 0_usize..2) {
        let mut play = Play::new(methods);
        for act in &acts {
            play.act(act);
        }
    }
}
