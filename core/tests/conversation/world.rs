//! A small daemon: accounts with compare-and-set, a clock in hand, seeded randomness, the audit in a list.
//!
//! Every turn of every test goes through [`World::turn`], which holds core to its contract with the engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::{Account, AccountKey, Epoch, HostId, Realm, RuleName, UserName};
use countersign_core::audit::AuditEvent;
use countersign_core::contact::Contacts;
use countersign_core::conversation::{Conversation, Effect, Event, Reply, State, Style, Turn};
use countersign_core::delivery::{Outgoing, Progress, Purpose, Recipient, Report, RequestId, finished};
use countersign_core::factor::sent::SentParameters;
use countersign_core::factor::totp::{Digits, TotpParameters};
use countersign_core::factor::{
    COMMAND_WORDS, Factor, FactorId, FactorKind, FactorState, Hotp, Label, Method, Totp,
};
use countersign_core::helpdesk::{Act, Actor, Reason, invite};
use countersign_core::invitation::INVITATION_LIFE;
use countersign_core::login::{
    Existence, FirstFactor, Groups, Host, LoginRequest, Origin, Person, Phase, Source, SshFacts,
};
use countersign_core::policy::{ContactRule, Echo, Enrollment, Matcher, Policy, Requirement, Rule, Settings};
use countersign_core::printable::is_printable;
use countersign_core::secret::Entropy;
use countersign_core::sending::{Channels, SendLimits};
use countersign_core::throttle::Limits;
use countersign_core::time::{Now, WallTime};
use countersign_core::words::texts::Texts;
use countersign_core::words::{Language, Voice, render};

use crate::mailbox::{Mailbox, code_in};

/// 2026-03-04 14:02:00 UTC, the start of a step.
pub(crate) const START: u64 = 1_772_632_920;
/// What a terminal is given at most (DESIGN.md 7).
pub(crate) const SCREEN_LIMIT: usize = 4096;

/// Randomness that repeats (splitmix64).
pub(crate) struct Seeded(pub(crate) u64);

impl Entropy for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bytes = (mixed ^ (mixed >> 31)).to_le_bytes();
            for (byte, drawn) in chunk.iter_mut().zip(bytes) {
                *byte = drawn;
            }
        }
    }
}

/// Accounts, clock, audit.
pub(crate) struct World {
    pub(crate) accounts: BTreeMap<AccountKey, Account>,
    pub(crate) policy: Policy,
    pub(crate) wall: WallTime,
    pub(crate) events: Vec<AuditEvent>,
    pub(crate) entropy: Seeded,
    /// What was typed and what is secret: none of it may be in a record.
    pub(crate) unspeakable: Vec<String>,
    /// What went out.
    pub(crate) mailbox: Mailbox,
    /// Under which epoch the last turn was given a right code, if it was.
    pub(crate) given: Option<Epoch>,
    /// How long the host has been up.
    pub(crate) since_boot: Duration,
    /// Whether the wall clock was set ahead.
    pub(crate) is_leapt: bool,
}

impl World {
    pub(crate) fn new(require: Requirement, enroll: Enrollment) -> Self {
        Self {
            accounts: BTreeMap::new(),
            policy: policy(require, enroll),
            wall: WallTime::from_seconds(START),
            events: Vec::new(),
            entropy: Seeded(7),
            unspeakable: Vec::new(),
            mailbox: Mailbox::default(),
            given: None,
            since_boot: Duration::from_mins(1),
            is_leapt: false,
        }
    }

    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::new(self.policy.clone())
    }

    pub(crate) fn now(&self) -> Now {
        let floor = self.accounts.values().map(|account| account.changed).max().unwrap_or_default();
        Now { is_leapt: self.is_leapt, ..Now::at(self.wall, self.since_boot, floor) }
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.wall = self.wall.after(Duration::from_secs(seconds));
        self.since_boot += Duration::from_secs(seconds);
    }

    /// Loads the account of a person, a new one where the store has none, with what the outbox knows.
    pub(crate) fn load(&mut self, person: &Person) -> Account {
        let key = AccountKey { realm: person.realm.clone(), name: person.name.clone() };
        let account = match self.accounts.get(&key) {
            Some(account) => account.clone(),
            None => Account::new(key, &mut self.entropy),
        };
        Account { outbox: self.mailbox.facts(self.now().latest()), ..account }
    }

    /// Puts an account into the store.
    pub(crate) fn store(&mut self, mut account: Account) {
        account.revision = account.revision.next();
        self.accounts.insert(account.key.clone(), account);
    }

    /// Gives the person an authenticator app, as if it had been enrolled long ago.
    pub(crate) fn enroll(&mut self, person: &Person, label: &str) -> Factor {
        let kind = FactorKind::Totp(Totp::generate(TotpParameters::default(), &mut self.entropy));
        self.give(person, label, kind)
    }

    /// Gives the person a token, as if it had been enrolled long ago.
    pub(crate) fn enroll_token(&mut self, person: &Person, label: &str) -> Factor {
        let kind = FactorKind::Hotp(Hotp::generate(Digits::Six, &mut self.entropy));
        self.give(person, label, kind)
    }

    /// Gives the person an address or number to which codes are sent, as if it had been confirmed long ago.
    pub(crate) fn enroll_recipient(&mut self, person: &Person, label: &str, recipient: Recipient) -> Factor {
        self.give(person, label, FactorKind::Sent(recipient))
    }

    /// Tells the code that was sent last; what was sent is secret.
    pub(crate) fn mailed(&mut self) -> String {
        let code = code_in(&self.mailbox.codes().next().expect("a code that was sent").outgoing);
        self.unspeakable.push(code.clone());
        code
    }

    /// Reports how the newest message ended, as the outbox does.
    pub(crate) fn settle(&mut self, progress: Progress) {
        let Outgoing { id, recipient, purpose, .. } =
            &self.mailbox.mails.last().expect("a message that was sent").outgoing;
        let report = Report { request: *id, channel: recipient.channel(), purpose: *purpose, progress };
        let owns = |account: &&Account| account.sends.iter().any(|send| send.request == report.request);
        let account = self.accounts.values().find(owns).cloned();
        let key = account.as_ref().map(|account| account.key.clone());
        let done = finished(key.as_ref(), account.as_ref(), &report, &host(), self.now());
        if let Some(account) = done.account {
            self.store(account);
        }
        self.events.extend(done.event);
    }

    fn give(&mut self, person: &Person, label: &str, kind: FactorKind) -> Factor {
        let mut account = self.load(person);
        let factor = Factor {
            id: FactorId::random(&mut self.entropy),
            label: Label::try_from(label).expect("a label"),
            state: FactorState::Active { since: WallTime::from_seconds(START - 86_400) },
            last_used: None,
            kind,
        };
        account.factors.push(factor.clone());
        if let Existence::Known { uid, .. } = person.existence {
            account.uids.insert(host().id, uid);
        }
        self.store(account);
        factor
    }

    /// Gives the person backup codes; tells them.
    pub(crate) fn give_backup_codes(&mut self, person: &Person) -> Vec<String> {
        let mut account = self.load(person);
        let sheet = account.make_backup_codes(self.wall, &mut self.entropy);
        self.store(account);
        sheet.expose().split_whitespace().map(str::to_owned).collect()
    }

    /// Lets root invite the person; tells the code.
    pub(crate) fn invite(&mut self, person: &Person, life: Duration) -> String {
        let account = self.load(person);
        let now = self.now();
        let invited = invite(&account, &act(person), life, &self.policy, &mut self.entropy, now)
            .expect("an invitation");
        self.events.push(invited.done.event);
        self.store(invited.done.account);
        let code = invited.code.expose().clone();
        self.unspeakable.push(code.clone());
        code
    }

    /// Lets the conversation decide, commits, records, replies; as the engine does.
    pub(crate) fn turn(
        &mut self,
        conversation: &Conversation,
        event: Event,
    ) -> (Conversation, Option<Reply>) {
        let Some(person) = conversation.person().cloned() else { return (Conversation::End, None) };
        let account = self.load(&person);
        self.turn_on(conversation, event, &account).expect("an account that was just loaded is not stale")
    }

    /// As [`World::turn`], on an account that was loaded before; none where it is stale by now.
    pub(crate) fn turn_on(
        &mut self,
        conversation: &Conversation,
        event: Event,
        account: &Account,
    ) -> Option<(Conversation, Option<Reply>)> {
        let person = conversation.person().expect("a conversation that can decide").clone();
        if let Event::Answered(text) = &event
            && !COMMAND_WORDS.contains(&text.trim())
        {
            self.unspeakable.push(text.to_string());
        }
        let replies = usize::from(matches!(event, Event::Begun | Event::Answered(_)));
        let now = self.now();
        let Turn { next, effects } = conversation.decide(event, account, now, &mut self.entropy);
        let stored = self.accounts.get(&account.key).map(|stored| stored.revision).unwrap_or_default();
        let commits: Vec<&Account> = effects.iter().filter_map(as_commit).collect();
        assert!(commits.len() <= 1, "one account, one commit a turn");
        if !commits.is_empty() && account.revision != stored {
            return None;
        }
        let sent: Vec<Outgoing> = effects.iter().filter_map(as_delivery).cloned().collect();
        self.given = effects.iter().find_map(as_given);
        let redeemed: Vec<RequestId> = effects.iter().filter_map(as_redemption).collect();
        if sent.iter().any(|outgoing| self.is_overtaken(outgoing, account)) {
            return None;
        }
        assert!(commits.len() == 1 || sent.is_empty() && redeemed.is_empty(), "one commit for both");
        let codes = sent.iter().filter(|outgoing| outgoing.purpose == Purpose::Code);
        assert!(codes.count() <= 1, "one code a turn, to one recipient");
        for committed in commits {
            assert_ne!(person.existence, Existence::Unknown, "nothing is kept of unknown people");
            assert_eq!(
                committed.revision, account.revision,
                "a change carries the revision it was decided on"
            );
            assert_eq!(committed.key, account.key);
            assert!(committed.changed >= now.latest(), "a change is dated");
            assert_eq!(committed.void_before, WallTime::default(), "what is void here is kept for elsewhere");
            self.store(committed.clone());
        }
        for outgoing in sent {
            self.mailbox.put(outgoing);
        }
        for request in redeemed {
            self.mailbox.redeem(request);
        }
        let records: Vec<AuditEvent> = effects.iter().filter_map(as_record).cloned().collect();
        let mut found: Vec<Reply> = effects.into_iter().filter_map(into_reply).collect();
        assert_eq!(found.len(), replies, "a call has one reply, and nothing else has any");
        let reply = found.pop();
        if let Some(reply) = &reply {
            check_reply(conversation.voice(), reply, &records, &next);
        }
        self.check_records(&records);
        self.events.extend(records);
        Some((next, reply))
    }

    /// Tells whether somebody had a code sent to the same recipient since the facts were read.
    fn is_overtaken(&self, outgoing: &Outgoing, account: &Account) -> bool {
        let seen = account.outbox.recipients.get(&outgoing.recipient).map_or(0, |known| known.newest);
        outgoing.purpose == Purpose::Code && self.mailbox.newest(&outgoing.recipient) > seen
    }

    fn check_records(&self, records: &[AuditEvent]) {
        for record in records {
            let text = record.canonical();
            let long_enough = |secret: &&String| secret.trim().len() >= 6;
            for secret in self.unspeakable.iter().filter(long_enough) {
                // The facts of a login are compared on their own fields: a time stamp may contain any six digits.
                let text = text.replace(&record.at.to_string(), "");
                assert!(!text.contains(secret.trim()), "{text} contains {secret:?}");
            }
        }
    }
}

fn as_commit(effect: &Effect) -> Option<&Account> {
    match effect {
        Effect::Commit(account) => Some(account),
        Effect::Record(_)
        | Effect::Reply(_)
        | Effect::Deliver(_)
        | Effect::Redeem(_)
        | Effect::CodeGiven(_) => None,
    }
}

fn as_record(effect: &Effect) -> Option<&AuditEvent> {
    match effect {
        Effect::Record(event) => Some(event),
        Effect::Commit(_)
        | Effect::Reply(_)
        | Effect::Deliver(_)
        | Effect::Redeem(_)
        | Effect::CodeGiven(_) => None,
    }
}

fn as_delivery(effect: &Effect) -> Option<&Outgoing> {
    match effect {
        Effect::Deliver(outgoing) => Some(outgoing),
        Effect::Commit(_)
        | Effect::Record(_)
        | Effect::Reply(_)
        | Effect::Redeem(_)
        | Effect::CodeGiven(_) => None,
    }
}

fn as_redemption(effect: &Effect) -> Option<RequestId> {
    match effect {
        Effect::Redeem(request) => Some(*request),
        Effect::Commit(_)
        | Effect::Record(_)
        | Effect::Reply(_)
        | Effect::Deliver(_)
        | Effect::CodeGiven(_) => None,
    }
}

const fn as_given(effect: &Effect) -> Option<Epoch> {
    match effect {
        Effect::CodeGiven(epoch) => Some(*epoch),
        Effect::Commit(_) | Effect::Record(_) | Effect::Reply(_) | Effect::Deliver(_) | Effect::Redeem(_) => {
            None
        }
    }
}

fn into_reply(effect: Effect) -> Option<Reply> {
    match effect {
        Effect::Reply(reply) => Some(reply),
        Effect::Commit(_)
        | Effect::Record(_)
        | Effect::Deliver(_)
        | Effect::Redeem(_)
        | Effect::CodeGiven(_) => None,
    }
}

/// Holds a reply to the contract of DESIGN.md 6 and to invariant 3.
fn check_reply(voice: Voice<'_>, reply: &Reply, records: &[AuditEvent], next: &Conversation) {
    let is_prompt = |style: Style| matches!(style, Style::AskHidden | Style::AskVisible);
    let lines = render(voice, reply);
    let prompts = lines.iter().filter(|(style, _)| is_prompt(*style)).count();
    match reply.state {
        State::Ask => {
            assert_eq!(prompts, 1, "one prompt");
            assert!(lines.last().is_some_and(|(style, _)| is_prompt(*style)), "the prompt is last");
            assert!(!matches!(next, Conversation::End), "an answer is awaited");
        }
        State::Verdict(verdict) => {
            let told = |record: &&AuditEvent| record.verdict.as_deref() == Some(verdict.name());
            assert_eq!(records.iter().filter(told).count(), 1, "a verdict leaves with its record");
        }
        State::Done | State::Failed => assert!(!records.is_empty(), "an end leaves with its record"),
    }
    if reply.state != State::Ask {
        assert_eq!(prompts, 0, "no prompt in a final state");
        assert!(matches!(next, Conversation::End), "a final state is the end");
    }
    let text: String = lines.iter().map(|(_, text)| text.as_str()).collect();
    assert!(text.len() <= SCREEN_LIMIT, "a screen of {} bytes", text.len());
    let shows = |character: char| character == '\n' || is_printable(character);
    assert!(text.chars().all(shows), "a screen is printable");
}

/// An act of root on a person.
pub(crate) fn act(target: &Person) -> Act {
    let reason = Reason::try_from("lost phone").expect("a reason");
    Act { actor: Actor::Root, login: None, reason, target: target.clone(), host: host() }
}

/// The host of all tests.
pub(crate) fn host() -> Host {
    Host { name: "web1.example.org".into(), id: HostId::try_from("feedfacecafebeef").expect("a machine-id") }
}

/// A person in /etc/passwd.
pub(crate) fn person(name: &str, uid: u32) -> Person {
    Person {
        name: UserName::try_from(name).expect("a name"),
        realm: Realm::try_from("local:feedfacecafebeef").expect("a realm"),
        existence: Existence::Known { uid, origin: Origin::Local },
        groups: Groups::Complete(vec!["users".into()]),
        contacts: Contacts::default(),
    }
}

/// A person whom the name service does not know.
pub(crate) fn stranger(name: &str) -> Person {
    Person { existence: Existence::Unknown, groups: Groups::Complete(Vec::new()), ..person(name, 0) }
}

/// A login over ssh from an address.
pub(crate) fn ssh_login(person: Person) -> LoginRequest {
    LoginRequest {
        person,
        service: "sshd".into(),
        phase: Phase::Auth,
        source: Source::Address("198.51.100.7".parse().expect("an address")),
        tty: Some("ssh".into()),
        ssh: SshFacts::default(),
        requesting_uid: None,
        caller_uid: 0,
        first_factor: FirstFactor::Settled,
        session: None,
        fresh: None,
        host: host(),
        language: None,
    }
}

fn policy(require: Requirement, enroll: Enrollment) -> Policy {
    Policy {
        is_enabled: true,
        enrolled_after: None,
        open_from: None,
        fqdn: countersign_core::policy::Fqdn::None,
        rules: Vec::new(),
        default: Rule {
            name: RuleName::try_from("default").expect("a name"),
            matcher: Matcher::default(),
            require,
            methods: vec![Method::Totp],
            enroll,
            enroll_within: None,
            invite_for_limit: INVITATION_LIFE,
            contacts: ContactRule::default(),
            skip: None,
            remember: None,
            mode: countersign_core::policy::Mode::Enforce,
            accept: Vec::new(),
            enrolled_after: None,
            fresh_for: None,
            idle_timeout: None,
        },
        settings: Settings {
            organization: "Example University".into(),
            language: Language::English,
            help: Some("IT helpdesk, +49 30 1234".into()),
            echo: Echo::Visible,
            protected_groups: Vec::new(),
            totp: TotpParameters::default(),
            limits: Limits::default(),
            sent: SentParameters::default(),
            sending: SendLimits::default(),
            channels: Channels::default(),
            texts: Texts::default(),
        },
        digest: "d1".into(),
    }
}
