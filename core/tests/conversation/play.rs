//! A play of one person who does everything at once, and what is watched over all of it.
//!
//! A code is worth one login at most, whatever kind it is; what was used never becomes usable again; what was evaluated
//! was charged.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_core::account::Account;
use countersign_core::audit::{AuditEvent, EventId};
use countersign_core::conversation::backup_codes::{BackupCodes, BackupCodesRequest};
use countersign_core::conversation::enrollment::{Enrollment as EnrollmentDialogue, EnrollmentRequest};
use countersign_core::conversation::login::Login;
use countersign_core::conversation::removal::{Removal, RemovalRequest};
use countersign_core::conversation::renaming::{Renaming, RenamingRequest};
use countersign_core::conversation::trial::{Trial, TrialRequest};
use countersign_core::conversation::{Conversation, Event, Reply, State};
use countersign_core::factor::{BACKUP_CODES, FactorKind, Label, Method};
use countersign_core::helpdesk::{Scope, Switch, reset, set_chosen};
use countersign_core::invitation::INVITATION_TRIES;
use countersign_core::login::{FirstFactor, LoginRequest, Person};
use countersign_core::policy::{Enrollment, Mode, Requirement};
use countersign_core::words::{Message, Setup};
use proptest::prelude::*;

use crate::phone::Phone;
use crate::world::{World, act, host, person, ssh_login};

/// Conversations that one person leads at once.
const SLOTS: usize = 3;
/// How many prompts clients take in one dialogue (`PROMPT_LIMIT` of the protocol).
pub(crate) const LONGEST: u32 = 32;

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Login { slot: usize, service: usize, late: bool },
    Enroll { slot: usize, method: Method, replace: bool },
    Remove { slot: usize },
    Rename { slot: usize },
    MakeCodes { slot: usize },
    Try { slot: usize },
    Answer { slot: usize, answer: Answer },
    Leave { slot: usize, late: bool },
    Wait { seconds: u64 },
    MoveClockBack { seconds: u64 },
    Invite,
    Reset,
    Choose { on: bool },
    Void { now: bool },
    Switch { on: bool },
    Watch { only: bool },
}

#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Of the newest key seen, at an offset from the present step.
    Code(i64),
    /// Of the first key.
    OldCode(i64),
    /// Of the newest key as a token's, so many after the counter that is expected.
    Token(usize),
    /// One of all backup codes ever seen, counted from the newest.
    Backup(usize),
    /// The newest invitation.
    Invitation,
    Wrong(usize),
    Text(String),
}

pub(crate) fn answers() -> impl Strategy<Value = Answer> {
    let words = vec![
        "",
        " ",
        "?",
        "new",
        "invert",
        "yes",
        "saved",
        "1",
        "2",
        "3",
        "app",
        "token",
        "backup",
        "totp",
        "\u{8}\n\r\u{7f}INCORRECT",
        "0123-45678-9ABC",
        "0123-4567-89AB",
    ];
    prop_oneof![
        4 => (-2_i64..=2).prop_map(Answer::Code),
        2 => (-2_i64..=2).prop_map(Answer::OldCode),
        1 => prop_oneof![Just(-20_i64), Just(20)].prop_map(Answer::Code),
        2 => prop_oneof![0_usize..12, 50_usize..52].prop_map(Answer::Token),
        2 => (0..2 * BACKUP_CODES).prop_map(Answer::Backup),
        2 => Just(Answer::Invitation),
        3 => (0_usize..4).prop_map(Answer::Wrong),
        3 => prop::sample::select(words).prop_map(|word| Answer::Text(word.to_owned())),
        2 => Just(Answer::Text("saved".to_owned())),
        1 => "\\PC{0,40}".prop_map(Answer::Text),
        1 => any::<String>().prop_map(Answer::Text),
    ]
}

pub(crate) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let slot = || 0..SLOTS;
    let method = prop::sample::select(&Method::ALL[..]);
    let act = prop_oneof![
        4 => (slot(), 0_usize..4, any::<bool>())
            .prop_map(|(slot, service, late)| Act::Login { slot, service, late: late && service > 1 }),
        1 => (slot(), method, any::<bool>())
            .prop_map(|(slot, method, replace)| Act::Enroll { slot, method, replace }),
        1 => prop_oneof![
            slot().prop_map(|slot| Act::Remove { slot }),
            slot().prop_map(|slot| Act::Rename { slot }),
            slot().prop_map(|slot| Act::MakeCodes { slot }),
            slot().prop_map(|slot| Act::Try { slot }),
        ],
        14 => (slot(), answers()).prop_map(|(slot, answer)| Act::Answer { slot, answer }),
        1 => (slot(), any::<bool>()).prop_map(|(slot, late)| Act::Leave { slot, late }),
        2 => prop_oneof![0_u64..90, 1000_u64..4000].prop_map(|seconds| Act::Wait { seconds }),
        1 => prop_oneof![
            (0_u64..200).prop_map(|seconds| Act::MoveClockBack { seconds }),
            Just(Act::Invite),
            any::<bool>().prop_map(|on| Act::Choose { on }),
        ],
        1 => prop_oneof![3 => Just(Act::Invite), 1 => Just(Act::Reset)],
        1 => prop_oneof![
            any::<bool>().prop_map(|now| Act::Void { now }),
            prop::bool::weighted(0.8).prop_map(|on| Act::Switch { on }),
            prop::bool::weighted(0.2).prop_map(|only| Act::Watch { only }),
        ],
    ];
    prop::collection::vec(act, 1..80)
}

/// An invitation as its person knows it.
struct Invitation {
    code: String,
    wrong: u32,
    /// Whether it was typed: it is used up when something is set up by it, which may be an answer later.
    is_typed: bool,
    is_used: bool,
}

/// One person, several conversations, everything that was seen of them.
pub(crate) struct Play {
    world: World,
    person: Person,
    slots: Vec<(Conversation, u32)>,
    phones: Vec<Phone>,
    codes: Vec<String>,
    invitation: Option<Invitation>,
    /// The last step or counter of each factor.
    accepted: BTreeMap<u32, u64>,
    /// Codes used up, of whatever kind.
    uses: usize,
    /// Backup codes used up.
    spent: Vec<String>,
}

impl Play {
    pub(crate) fn new(require: Requirement, enroll: Enrollment, enrolled: bool) -> Self {
        let mut world = World::new(require, enroll);
        world.policy.default.methods = Method::ALL.to_vec();
        world.policy.default.enroll_within = Some(Duration::from_mins(50));
        let person = person("alice", 1000);
        let mut phones = Vec::new();
        let mut codes = Vec::new();
        if enrolled {
            phones.push(Phone::of(&world.enroll(&person, "phone")));
            phones.push(Phone::of(&world.enroll_token(&person, "keyring")));
            codes = world.give_backup_codes(&person);
        }
        Self {
            world,
            person,
            slots: vec![(Conversation::End, 0); SLOTS],
            phones,
            codes,
            invitation: None,
            accepted: BTreeMap::new(),
            uses: 0,
            spent: Vec::new(),
        }
    }

    pub(crate) fn act(&mut self, act: Act) {
        let (person, host, language) = (self.person.clone(), host(), None);
        let policy = self.world.policy();
        let factor = "totp".to_owned();
        match act {
            Act::Login { slot, service, late } => {
                self.begin(slot, Login::begin(login(person, service, late), policy));
            }
            Act::Enroll { slot, method, replace } => {
                let replace = replace.then(String::new);
                let label = None;
                let request = EnrollmentRequest {
                    person,
                    host,
                    method,
                    label,
                    replace,
                    recipient: None,
                    draws_qr: true,
                    language,
                };
                self.begin(slot, EnrollmentDialogue::begin(request, policy));
            }
            Act::Remove { slot } => {
                let request = RemovalRequest { person, host, factor, language };
                self.begin(slot, Removal::begin(request, policy));
            }
            Act::Rename { slot } => {
                let label = Label::try_from("tablet").expect("a label");
                let request = RenamingRequest { person, host, factor, label, language };
                self.begin(slot, Renaming::begin(request, policy));
            }
            Act::MakeCodes { slot } => {
                let request = BackupCodesRequest { person, host, language };
                self.begin(slot, BackupCodes::begin(request, policy));
            }
            Act::Try { slot } => {
                self.begin(slot, Trial::begin(TrialRequest { person, host, language }, policy));
            }
            Act::Answer { slot, answer } => self.answer(slot, &answer),
            Act::Leave { slot, late } => {
                self.turn(slot, if late { Event::DeadlineReached } else { Event::ClientGone }, "");
            }
            Act::Wait { seconds } => self.world.wait(seconds),
            Act::MoveClockBack { seconds } => {
                self.world.wall = self.world.wall.before(Duration::from_secs(seconds));
            }
            Act::Invite => self.invite(),
            Act::Reset => self.reset(),
            Act::Void { now } => {
                self.world.policy.default.enrolled_after = now.then_some(self.world.wall);
            }
            Act::Switch { on } => self.world.policy.is_enabled = on,
            Act::Watch { only } => {
                self.world.policy.default.mode = if only { Mode::Monitor } else { Mode::Enforce };
            }
            Act::Choose { on } => self.choose(if on { Switch::On } else { Switch::Off }),
        }
    }

    /// While the factor is switched off, nobody is invited.
    fn invite(&mut self) {
        if self.world.policy.is_enabled {
            let code = self.world.invite(&self.person, Duration::from_mins(30));
            self.invitation = Some(Invitation { code, wrong: 0, is_typed: false, is_used: false });
        }
    }

    fn reset(&mut self) {
        let account = self.world.load(&self.person);
        let now = self.world.now();
        let World { policy, entropy, .. } = &mut self.world;
        let done = reset(&account, &act(&self.person), Scope::All, policy, entropy, now);
        let code = done.invitation.map(|issued| issued.code.expose().clone());
        self.invitation = code.map(|code| Invitation { code, wrong: 0, is_typed: false, is_used: false });
        self.world.store(done.account);
        self.accepted.clear();
    }

    fn choose(&mut self, switch: Switch) {
        let account = self.world.load(&self.person);
        let now = self.world.now();
        let World { policy, entropy, .. } = &mut self.world;
        if let Ok(done) = set_chosen(&account, &act(&self.person), switch, policy, entropy, now) {
            self.world.store(done.account);
        }
    }

    fn begin(&mut self, slot: usize, conversation: Conversation) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = (conversation, 0);
        }
        self.turn(slot, Event::Begun, "");
    }

    fn answer(&mut self, slot: usize, answer: &Answer) {
        let text = self.text(answer);
        let before = self.world.load(&self.person);
        let seen = self.world.events.len();
        self.turn(slot, Event::Answered(text.clone().into()), &text);
        let after = self.world.load(&self.person);
        check_charge(self.world.events.get(seen..).unwrap_or_default(), &before, &after, &text);
    }

    fn text(&mut self, answer: &Answer) -> String {
        let at = self.world.wall;
        let of = |phone: Option<&Phone>, offset: i64| {
            phone.map_or_else(String::new, |phone| phone.code(at, offset))
        };
        match answer {
            Answer::Code(offset) => of(self.phones.last(), *offset),
            Answer::OldCode(offset) => of(self.phones.first(), *offset),
            Answer::Token(ahead) => self.token_code(*ahead),
            Answer::Backup(place) => self.codes.iter().rev().nth(*place).cloned().unwrap_or_default(),
            Answer::Invitation => {
                self.invitation.as_ref().map(|invitation| invitation.code.clone()).unwrap_or_default()
            }
            Answer::Wrong(number) => {
                self.phones.last().map_or_else(|| "000000".into(), |phone| phone.wrong(at, *number))
            }
            Answer::Text(text) => text.clone(),
        }
    }

    fn token_code(&mut self, ahead: usize) -> String {
        let account = self.world.load(&self.person);
        let counter = account.factors.iter().rev().find_map(|factor| match &factor.kind {
            FactorKind::Hotp(hotp) => Some((Phone::of(factor), hotp.counter)),
            FactorKind::Totp(_) | FactorKind::Sent(_) => None,
        });
        let ahead = u64::try_from(ahead).expect("a count");
        match (counter, self.phones.last()) {
            (Some((token, counter)), _) => token.token_code(counter + ahead),
            (None, Some(phone)) => phone.token_code(ahead),
            (None, None) => String::new(),
        }
    }

    fn turn(&mut self, slot: usize, event: Event, text: &str) {
        let Some((conversation, prompts)) = self.slots.get(slot).cloned() else { return };
        let before = self.world.load(&self.person);
        let seen = self.world.events.len();
        let (next, reply) = self.world.turn(&conversation, event);
        let after = self.world.load(&self.person);
        let asks = reply.as_ref().is_some_and(|reply| reply.state == State::Ask);
        let prompts = prompts + u32::from(asks);
        assert!(prompts <= LONGEST, "a dialogue that does not end");
        if let Some(place) = self.slots.get_mut(slot) {
            *place = (next, prompts);
        }
        self.count_uses(&before, &after, text);
        self.check_invitation(seen, text);
        self.check_allowed();
        if let Some(reply) = &reply {
            self.learn(reply);
        }
    }

    /// Invariant 2: steps and counters only grow, and a backup code is gone once it was used.
    fn count_uses(&mut self, before: &Account, after: &Account, text: &str) {
        for factor in &after.factors {
            let reached = match &factor.kind {
                FactorKind::Totp(totp) => totp.last_step.unwrap_or_default(),
                FactorKind::Hotp(hotp) => hotp.counter,
                FactorKind::Sent(_) => 0,
            };
            let known = self.accepted.insert(factor.id.0, reached).unwrap_or_default();
            assert!(reached >= known, "a used code became usable again");
            self.uses += usize::from(reached > known);
        }
        // The last code of a factor that is removed by it, or of one that it replaces.
        self.uses += before.factors.len().saturating_sub(after.factors.len());
        let left = |account: &Account| account.backup_codes_left().unwrap_or_default();
        let same_set = before.backup_codes.as_ref().map(|codes| codes.made)
            == after.backup_codes.as_ref().map(|codes| codes.made);
        if same_set && left(after) < left(before) {
            assert_eq!(left(after) + 1, left(before), "one answer, one code");
            let code = text.trim().to_owned();
            assert!(self.codes.contains(&code), "{code} is none of the codes");
            assert!(!self.spent.contains(&code), "{code} was used twice");
            self.spent.push(code);
            self.uses += 1;
        }
    }

    /// An invitation is good once, and never after five wrong tries.
    fn check_invitation(&mut self, seen: usize, text: &str) {
        if let Some(invitation) = &mut self.invitation {
            invitation.is_typed |= text.trim() == invitation.code;
        }
        for record in self.world.events.get(seen..).unwrap_or_default() {
            let Some(invitation) = &mut self.invitation else {
                assert_ne!(record.event, EventId::InvitationUsed, "nobody was invited");
                continue;
            };
            if record.event == EventId::InvitationUsed {
                assert!(invitation.is_typed, "used without being given");
                assert!(!invitation.is_used, "used twice");
                assert!(invitation.wrong < INVITATION_TRIES, "used after five wrong tries");
                invitation.is_used = true;
            }
            if record.event == EventId::InvitationWrong {
                invitation.wrong += 1;
            }
        }
    }

    fn check_allowed(&self) {
        let allowed = |record: &&AuditEvent| record.event == EventId::LoginAllowed;
        let allowed = self.world.events.iter().filter(allowed).count();
        assert!(allowed <= self.uses, "let in without using a code up");
    }

    fn learn(&mut self, reply: &Reply) {
        for message in reply.lines.iter().flat_map(|line| &line.messages) {
            if let Message::Setup(Setup::Key { key, .. }) = message {
                self.world.unspeakable.push(key.expose().clone());
                self.phones.push(Phone::typed(key.expose()));
            }
            if let Message::Setup(Setup::BackupCodes(sheet)) = message {
                self.codes.extend(sheet.expose().split_whitespace().map(str::to_owned));
                self.world.unspeakable.push(sheet.expose().clone());
            }
        }
    }
}

/// Invariant 4: what was evaluated is charged in the same turn, what was not costs nothing.
fn check_charge(records: &[AuditEvent], before: &Account, after: &Account, text: &str) {
    let charged = |record: &&AuditEvent| {
        let is_wrong = matches!(record.event, EventId::CodeWrong | EventId::InvitationWrong);
        is_wrong && record.reason.as_deref() != Some("not-evaluated")
    };
    let wrong = u32::try_from(records.iter().filter(charged).count()).expect("a count");
    assert!(wrong <= 1, "one answer, one charge");
    if wrong == 1 {
        assert_eq!(total(after), total(before) + 1, "{text:?} was evaluated and not charged");
        assert!(!text.trim().is_empty(), "an empty answer costs nothing");
        assert!(!text.trim().chars().any(char::is_control), "a stand-in costs nothing");
    } else {
        assert!(total(after) <= total(before), "charged without a record");
    }
}

fn total(account: &Account) -> u32 {
    account.throttle.buckets.values().map(|counter| counter.in_a_row).sum()
}

pub(crate) fn login(person: Person, service: usize, late: bool) -> LoginRequest {
    let services = ["sshd", "sudo", "login", "gdm-password"];
    let first_factor = if late { FirstFactor::Late } else { FirstFactor::Settled };
    let service = services.get(service).copied().unwrap_or("sshd").to_owned();
    LoginRequest { service, first_factor, requesting_uid: Some(1000), ..ssh_login(person) }
}
