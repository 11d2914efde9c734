//! Setting up what codes are sent to (rows L4, S1), over dialogues that nobody thought of: whatever is typed, codes go where
//! the rule lets them, to few recipients, within the caps, and nothing is active before its code was entered.

use std::time::Duration;

use countersign_core::account::Account;
use countersign_core::contact::{Contacts, EmailAddress, PhoneNumber};
use countersign_core::conversation::enrollment::{Enrollment as EnrollmentDialogue, EnrollmentRequest};
use countersign_core::conversation::login::Login;
use countersign_core::conversation::{Conversation, Event, State};
use countersign_core::delivery::{Failure, Progress, Recipient};
use countersign_core::factor::{FactorKind, FactorState, Method};
use countersign_core::login::Person;
use countersign_core::policy::{ContactRule, Enrollment, Requirement};
use countersign_core::sending::{Channels, Numbers};
use countersign_core::throttle::DAY;
use proptest::prelude::*;

use crate::acts::enroll_by_oneself;
use crate::mailbox::code_in;
use crate::play::LONGEST;
use crate::world::{World, host, person, ssh_login};

/// Conversations that one person leads at once.
const SLOTS: usize = 3;

#[derive(Debug, Clone)]
enum Act {
    Login { slot: usize },
    Enroll { slot: usize, method: Method, recipient: Option<&'static str> },
    Answer { slot: usize, text: Text },
    Leave { slot: usize },
    Settle { fails: bool },
    Wait { seconds: u64 },
    Invite,
}

#[derive(Debug, Clone)]
enum Text {
    /// One of the codes that were sent, counted from the newest.
    Mailed(usize),
    Invitation,
    Typed(&'static str),
    Any(String),
}

const TYPED: [&str; 26] = [
    "",
    "",
    "1",
    "2",
    "3",
    "?",
    "new",
    "new",
    "resend",
    "yes",
    "yes",
    "saved",
    "email",
    "sms",
    "app",
    "eve@example.net",
    "mallory@example.com",
    "trudy@example.org",
    "oscar@example.org",
    "a@example.org, b@example.org",
    "a@example.org\r\nBcc: b@example.org",
    "+49 171 2345642",
    "0171 9999999",
    "+1 202 555 0123",
    "00000000",
    "\u{8}\n\r\u{7f}INCORRECT",
];

const NAMED: [Option<&str>; 4] = [None, Some("eve@example.net"), Some("0171 9999999"), Some("nonsense")];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let slot = || 0..SLOTS;
    let text = prop_oneof![
        3 => (0_usize..4).prop_map(Text::Mailed),
        1 => Just(Text::Invitation),
        8 => prop::sample::select(&TYPED[..]).prop_map(Text::Typed),
        1 => any::<String>().prop_map(Text::Any),
    ];
    let method = prop::sample::select(&Method::ALL[..]);
    let act = prop_oneof![
        3 => slot().prop_map(|slot| Act::Login { slot }),
        2 => (slot(), method, prop::sample::select(&NAMED[..]))
            .prop_map(|(slot, method, recipient)| Act::Enroll { slot, method, recipient }),
        16 => (slot(), text).prop_map(|(slot, text)| Act::Answer { slot, text }),
        1 => slot().prop_map(|slot| Act::Leave { slot }),
        1 => any::<bool>().prop_map(|fails| Act::Settle { fails }),
        4 => prop_oneof![0_u64..90, 60_u64..400, 1000_u64..4000].prop_map(|seconds| Act::Wait { seconds }),
        1 => Just(Act::Invite),
    ];
    prop::collection::vec(act, 1..70)
}

struct Play {
    world: World,
    person: Person,
    /// Each with its prompts.
    slots: Vec<(Conversation, u32)>,
    invitation: String,
    on_file: [Recipient; 3],
}

impl Play {
    fn new(contacts: ContactRule, enroll: Enrollment) -> Self {
        let mut world = World::new(Requirement::Always, enroll);
        world.policy.default.methods = Method::ALL.to_vec();
        world.policy.default.contacts = contacts;
        let numbers = || {
            let country = countersign_core::contact::Country::try_from("DE").ok();
            Some(Numbers { country, allow_prefixes: vec!["+49".to_owned()] })
        };
        world.policy.settings.channels = Channels { email: true, sms: numbers(), call: numbers() };
        let email = EmailAddress::try_from("alice@example.org").expect("an address");
        let phone = PhoneNumber::try_from("+491712345642").expect("a number");
        let on_file =
            [Recipient::Email(email.clone()), Recipient::Sms(phone.clone()), Recipient::Call(phone.clone())];
        let contacts = Contacts { email: Some(email), phone: Some(phone) };
        let person = Person { contacts, ..person("alice", 1000) };
        Self { world, person, slots: vec![(Conversation::End, 0); SLOTS], invitation: String::new(), on_file }
    }

    fn act(&mut self, act: Act) {
        let (policy, person) = (self.world.policy(), self.person.clone());
        match act {
            Act::Login { slot } => self.begin(slot, Login::begin(ssh_login(person), policy)),
            Act::Enroll { slot, method, recipient } => {
                let request = EnrollmentRequest {
                    person,
                    host: host(),
                    method,
                    label: None,
                    replace: None,
                    recipient: recipient.map(str::to_owned),
                    draws_qr: false,
                    language: None,
                };
                self.begin(slot, EnrollmentDialogue::begin(request, policy));
            }
            Act::Answer { slot, text } => self.answer(slot, &text),
            Act::Leave { slot } => self.turn(slot, Event::ClientGone),
            Act::Settle { fails } => {
                let progress = if fails { Progress::Failed(Failure::Refused) } else { Progress::Sent };
                if self.world.mailbox.codes().next().is_some() {
                    self.world.settle(progress);
                }
            }
            Act::Wait { seconds } => self.world.wait(seconds),
            Act::Invite => self.invitation = self.world.invite(&self.person, Duration::from_mins(30)),
        }
    }

    fn begin(&mut self, slot: usize, conversation: Conversation) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = (conversation, 0);
        }
        self.turn(slot, Event::Begun);
    }

    fn answer(&mut self, slot: usize, text: &Text) {
        let mailed = |place: usize| self.world.mailbox.codes().nth(place).map(|mail| code_in(&mail.outgoing));
        let text = match text {
            Text::Mailed(place) => mailed(*place).unwrap_or_default(),
            Text::Invitation => self.invitation.clone(),
            Text::Typed(text) => (*text).to_owned(),
            Text::Any(text) => text.clone(),
        };
        let before = self.world.load(&self.person);
        let codes: Vec<String> = self.world.mailbox.codes().map(|mail| code_in(&mail.outgoing)).collect();
        self.turn(slot, Event::Answered(text.clone().into()));
        let is_code = codes.contains(&text);
        self.check_active(&before, is_code);
    }

    fn turn(&mut self, slot: usize, event: Event) {
        let Some((conversation, prompts)) = self.slots.get(slot).cloned() else { return };
        let (next, reply) = self.world.turn(&conversation, event);
        let prompts = prompts + u32::from(reply.is_some_and(|reply| reply.state == State::Ask));
        assert!(prompts <= LONGEST, "a dialogue that does not end");
        if let Some(place) = self.slots.get_mut(slot) {
            *place = (next, prompts);
        }
        self.check_sends();
    }

    /// Something sent is active only by its code.
    fn check_active(&mut self, before: &Account, is_code: bool) {
        let (held, holds) = (recipients(before), recipients(&self.world.load(&self.person)));
        let is_new = holds.iter().any(|recipient| !held.contains(recipient));
        assert!(!is_new || is_code, "set up without its code");
    }

    fn check_sends(&self) {
        let at = self.world.wall;
        let limits = self.world.policy.settings.sending;
        let within = |span: Duration| {
            let counts =
                |mail: &&crate::mailbox::Mail| !mail.is_used && at.since(mail.outgoing.queued) < span;
            u32::try_from(self.world.mailbox.codes().filter(counts).count()).expect("a count")
        };
        assert!(within(Duration::from_mins(10)) <= limits.per_ten_minutes);
        assert!(within(DAY) <= limits.per_day);
        let is_only_file = self.world.policy.default.contacts != ContactRule::Any;
        for mail in &self.world.mailbox.mails {
            let recipient = &mail.outgoing.recipient;
            assert!(!is_only_file || self.on_file.contains(recipient), "{recipient:?} is not on file");
            assert!(self.world.policy.settings.channels.reaches(recipient), "{recipient:?} is not served");
        }
        for record in &self.world.events {
            let text = record.canonical();
            assert!(!text.contains('@') && !text.contains("+49"), "an address in the audit: {text}");
        }
    }
}

/// Lists what the active factors of an account send to.
fn recipients(account: &Account) -> Vec<Recipient> {
    let active = account.factors.iter().filter(|factor| matches!(factor.state, FactorState::Active { .. }));
    active
        .filter_map(|factor| match &factor.kind {
            FactorKind::Sent(recipient) => Some(recipient.clone()),
            FactorKind::Totp(_) | FactorKind::Hotp(_) => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn codes_go_where_the_rule_lets_them_and_nothing_is_active_without_its_code(
        acts in acts(),
        contacts in prop_oneof![
            Just(ContactRule::OnFileFirst), Just(ContactRule::OnFile), Just(ContactRule::Any)
        ],
        enroll in prop_oneof![
            Just(Enrollment::AtLogin), Just(Enrollment::SelfService), Just(Enrollment::Invited)
        ],
    ) {
        let mut play = Play::new(contacts, enroll);
        for act in acts {
            play.act(act);
        }
    }
}

#[test]
fn parallel_logins_that_name_the_same_address_send_one_code() {
    let mut play = Play::new(ContactRule::Any, Enrollment::AtLogin);
    play.world.policy.default.methods = vec![Method::Email];
    let account = play.world.load(&play.person);
    let mut sent = 0;
    for _ in 0..20 {
        let login = Login::begin(ssh_login(play.person.clone()), play.world.policy());
        let fresh = play.world.load(&play.person);
        let Some((asking, _)) = play.world.turn_on(&login, Event::Begun, &fresh) else { continue };
        let named = Event::Answered("eve@example.net".to_owned().into());
        sent += u32::from(play.world.turn_on(&asking, named, &account).is_some());
    }
    assert!(sent <= 1, "decided on what was stale: {sent}");
    assert!(play.world.mailbox.codes().count() <= 1);
}

/// Whoever has a password, or sits at somebody's session, can have a few addresses written to in one dialogue, not many.
#[test]
fn one_dialogue_writes_to_three_addresses_at_most() {
    for is_login in [true, false] {
        let mut play = Play::new(ContactRule::Any, Enrollment::AtLogin);
        play.world.policy.default.methods = vec![Method::Email];
        let request = EnrollmentRequest { method: Method::Email, ..enroll_by_oneself(play.person.clone()) };
        let policy = play.world.policy();
        let (conversation, first) = if is_login {
            (Login::begin(ssh_login(play.person.clone()), policy), None)
        } else {
            (EnrollmentDialogue::begin(request, policy), Some("yes"))
        };
        play.begin(0, conversation);
        let words = ["a@example.net", "new", "b@example.net", "new", "c@example.net"];
        let words = first.into_iter().chain(words);
        for word in words.chain(["new", "d@example.net", "new", "e@example.net"]) {
            play.world.wait(301);
            play.turn(0, Event::Answered(word.to_owned().into()));
        }
        assert_eq!(play.world.mailbox.codes().count(), 3);
        assert!(matches!(play.slots.first(), Some((Conversation::End, _))), "it ends there");
    }
}

/// An invitation with which nothing could be sent at once is not used up, and is used up by what it sets up later.
#[test]
fn an_invitation_that_had_to_wait_is_used_up_by_what_it_sets_up() {
    let mut play = Play::new(ContactRule::Any, Enrollment::Invited);
    play.world.policy.default.methods = vec![Method::Email];
    let say = |play: &mut Play, text: &str| play.turn(0, Event::Answered(text.to_owned().into()));
    let begin =
        |play: &mut Play| play.begin(0, Login::begin(ssh_login(play.person.clone()), play.world.policy()));
    play.act(Act::Invite);
    begin(&mut play);
    let first = play.invitation.clone();
    say(&mut play, &first);
    say(&mut play, "a@example.net");
    play.act(Act::Invite);
    begin(&mut play);
    let second = play.invitation.clone();
    say(&mut play, &second);
    say(&mut play, "b@example.net"); // too early
    assert_eq!(play.world.mailbox.codes().count(), 1);
    assert!(play.world.load(&play.person).invitation.is_some(), "nothing was set up by it yet");
    play.world.wait(301);
    for text in ["new", "b@example.net"] {
        say(&mut play, text);
    }
    let code = play.world.mailed();
    say(&mut play, &code);
    let account = play.world.load(&play.person);
    assert_eq!(recipients(&account).len(), 1);
    assert!(account.invitation.is_none(), "an invitation is used once");
}
