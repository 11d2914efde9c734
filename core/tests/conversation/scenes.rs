//! Scenes that nobody thought of: a policy, a person with what is kept of them, and a login, thrown from a number.
//!
//! Whatever a rule can say and a person can hold occurs, near the borders: times around those from which enrollments count,
//! locks, uids that changed, groups that are not all known, enrollments begun and not confirmed.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::{Account, Coverage, Epoch, RuleName};
use countersign_core::contact::{Contacts, EmailAddress, PhoneNumber};
use countersign_core::conversation::Event;
use countersign_core::conversation::login::Login;
use countersign_core::delivery::Recipient;
use countersign_core::factor::totp::TotpParameters;
use countersign_core::factor::{Factor, FactorId, FactorKind, FactorState, Hotp, Label, Method, Totp};
use countersign_core::login::{
    AuditSession, Existence, FirstFactor, Fresh, Groups, LoginRequest, Origin, Person, Phase, PublicKey,
    Source,
};
use countersign_core::policy::{
    Accepted, ContactRule, Enrollment, Matcher, Mode, Policy, Requirement, Rule, SkipRule,
};
use countersign_core::remember::Skipped;
use countersign_core::secret::Entropy;
use countersign_core::sending::{Channels, Numbers};
use countersign_core::throttle::Bucket;
use countersign_core::time::WallTime;

use crate::phone::Phone;
use crate::world::{START, Seeded, World, host, person, ssh_login, stranger};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// A scene.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) request: LoginRequest,
}

/// Dice that fall the same way for the same number.
struct Dice(Seeded);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % sides
    }

    fn once_in(&mut self, sides: u64) -> bool {
        self.throw(sides) == 0
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        let place =
            usize::try_from(self.throw(u64::try_from(all.len()).expect("a length"))).expect("a place");
        all.get(place).expect("one of them").clone()
    }

    /// A time in the days around the present of the scene, or that very second.
    fn time(&mut self) -> WallTime {
        let offsets = [0, 1, HOUR, DAY, 10 * DAY];
        let (start, offset) = (WallTime::from_seconds(START), Duration::from_secs(self.one_of(&offsets)));
        if self.once_in(4) { start.after(offset) } else { start.before(offset) }
    }
}

/// Throws a scene.
pub(crate) fn scene(number: u64) -> Scene {
    let mut dice = Dice(Seeded(number));
    let mut world = World::new(Requirement::Always, Enrollment::AtLogin);
    world.entropy = Seeded(number.wrapping_add(1));
    throw_policy(&mut dice, &mut world.policy);
    let request = throw_request(&mut dice);
    let mut account = world.load(&request.person);
    if matches!(request.person.existence, Existence::Known { .. }) && !dice.once_in(8) {
        throw_account(&mut dice, &mut account, &world.policy, &request);
        world.store(account);
        if dice.once_in(2) {
            remember(&mut world, &request);
        }
        account = world.load(&request.person);
    }
    let fresh = Fresh {
        epoch: if dice.once_in(4) { Epoch(account.epoch.0 + 1) } else { account.epoch },
        age: Duration::from_mins(dice.one_of(&[0, 14, 15, 16, 600])),
    };
    let session = if dice.once_in(2) { AuditSession::of(3) } else { None };
    let request = LoginRequest { session, fresh: session.map(|_| fresh), ..request };
    if dice.once_in(2) {
        honor_elsewhere(&mut world.policy);
    }
    Scene { world, request }
}

/// Adds a rule for another service that honors whatever was enrolled.
fn honor_elsewhere(policy: &mut Policy) {
    let base = World::new(Requirement::Always, Enrollment::AtLogin).policy.default;
    let matcher = Matcher { services: vec!["elsewhere".to_owned()], ..Matcher::default() };
    policy.rules.push(Rule { name: RuleName::try_from("elsewhere").expect("a name"), matcher, ..base });
}

/// Lets the person give a code and ask to be remembered, as far as the rules offer that.
fn remember(world: &mut World, request: &LoginRequest) {
    let account = world.load(&request.person);
    let app = account.active_factors().find(|factor| matches!(factor.kind, FactorKind::Totp(_)));
    let Some(phone) = app.map(Phone::of) else { return };
    let conversation = Login::begin(request.clone(), Arc::new(enforced(&world.policy)));
    let (next, _) = world.turn(&conversation, Event::Begun);
    let answer = format!("{} r", phone.code(world.wall, 0));
    let _ = world.turn(&next, Event::Answered(answer.into()));
    world.wait(60);
}

/// Puts every rule in force.
pub(crate) fn enforced(policy: &Policy) -> Policy {
    let mut policy = Policy { is_enabled: true, ..policy.clone() };
    for rule in policy.rules.iter_mut().chain([&mut policy.default]) {
        rule.mode = Mode::Enforce;
    }
    policy
}

fn throw_policy(dice: &mut Dice, policy: &mut Policy) {
    policy.is_enabled = !dice.once_in(8);
    policy.enrolled_after = if dice.once_in(5) { Some(dice.time()) } else { None };
    let settings = &mut policy.settings;
    let numbers = Numbers { country: None, allow_prefixes: dice.one_of(&[vec![], vec!["+43".to_owned()]]) };
    settings.channels = Channels {
        email: !dice.once_in(3),
        sms: if dice.once_in(2) { Some(numbers) } else { None },
        call: None,
    };
    if dice.once_in(6) {
        settings.sending.per_ten_minutes = 0;
    }
    let name = |name: &str| RuleName::try_from(name).expect("a name");
    let base = policy.default.clone();
    policy.default = throw_rule(dice, base.clone());
    policy.rules = (0..dice.throw(3))
        .map(|number| {
            let thrown = throw_rule(dice, base.clone());
            Rule { name: name(&format!("rule{number}")), matcher: throw_matcher(dice), ..thrown }
        })
        .collect();
}

fn throw_rule(dice: &mut Dice, base: Rule) -> Rule {
    use Requirement::{Always, Chosen, Enrolled, Never};
    let methods: Vec<Method> = Method::ALL.into_iter().filter(|_| dice.once_in(2)).collect();
    let skip = SkipRule {
        times: dice.one_of(&[None, Some(1), Some(2)]),
        until: if dice.once_in(3) { Some(dice.time()) } else { None },
    };
    Rule {
        require: dice.one_of(&[Always, Always, Always, Chosen, Enrolled, Never]),
        methods: if methods.is_empty() { vec![Method::Totp] } else { methods },
        enroll: dice.one_of(&[Enrollment::AtLogin, Enrollment::SelfService, Enrollment::Invited]),
        enroll_within: dice.one_of(&[None, Some(HOUR), Some(7 * DAY)]).map(Duration::from_secs),
        contacts: dice.one_of(&[ContactRule::Any, ContactRule::OnFile, ContactRule::OnFileFirst]),
        skip: if dice.once_in(2) { Some(skip) } else { None },
        remember: if dice.once_in(2) { Some(Duration::from_secs(DAY)) } else { None },
        mode: dice.one_of(&[Mode::Enforce, Mode::Enforce, Mode::Monitor]),
        accept: if dice.once_in(3) { vec![Accepted::SshSecurityKey] } else { Vec::new() },
        enrolled_after: if dice.once_in(3) { Some(dice.time()) } else { None },
        fresh_for: if dice.once_in(2) { Some(Duration::from_mins(15)) } else { None },
        ..base
    }
}

fn throw_matcher(dice: &mut Dice) -> Matcher {
    let mut some = |texts: &[&str]| {
        let text = dice.one_of(texts).to_owned();
        if dice.once_in(2) { vec![text] } else { Vec::new() }
    };
    Matcher {
        groups: some(&["users", "staff"]),
        services: some(&["sshd", "sudo"]),
        origin: some(&["local"]).first().map(|_| Origin::Local),
        ..Matcher::default()
    }
}

fn throw_request(dice: &mut Dice) -> LoginRequest {
    let mut person: Person = if dice.once_in(8) { stranger("mallory") } else { person("alice", 1000) };
    if dice.once_in(6) {
        person.groups = Groups::Incomplete(Vec::new());
    }
    if dice.once_in(3) {
        let email = EmailAddress::try_from("alice@example.org").ok();
        person.contacts = Contacts { email, phone: None };
    }
    let algorithms = [None, None, Some("ssh-ed25519"), Some("sk-ssh-ed25519@openssh.com")];
    let algorithm = dice.one_of(&algorithms);
    let mut request = ssh_login(person);
    dice.one_of(&["sshd", "sshd", "sudo", "login", "gdm-password"]).clone_into(&mut request.service);
    request.phase = if dice.once_in(8) { Phase::Account } else { Phase::Auth };
    request.caller_uid = if dice.once_in(10) { 1000 } else { 0 };
    request.requesting_uid = dice.one_of(&[None, Some(1000)]);
    request.source = dice.one_of(&[request.source, Source::Local, Source::Unknown]);
    request.first_factor = if dice.once_in(8) { FirstFactor::Late } else { FirstFactor::Settled };
    request.ssh.public_key = algorithm
        .map(|algorithm| PublicKey { algorithm: algorithm.to_owned(), fingerprint: "SHA256:x".into() });
    request
}

fn throw_account(dice: &mut Dice, account: &mut Account, policy: &Policy, request: &LoginRequest) {
    account.epoch = Epoch(dice.throw(3));
    account.chosen = dice.once_in(2);
    for number in 0..dice.throw(3) {
        let state = FactorState::Active { since: dice.time() };
        account.factors.push(throw_factor(dice, u32::try_from(number).expect("a number"), state));
    }
    if dice.once_in(3) {
        let since = WallTime::from_seconds(START).before(Duration::from_mins(dice.one_of(&[1, 30, 31])));
        account.factors.push(throw_factor(dice, 9, FactorState::Pending { since }));
    }
    if dice.once_in(3) {
        let made = dice.time();
        let _ = account.make_backup_codes(made, &mut dice.0);
    }
    if dice.once_in(4) {
        let expires = dice.time();
        let _ = account.invite(expires, &mut dice.0);
    }
    let rule = RuleName::try_from(dice.one_of(&["default", "default", "rule0", "gone"])).expect("a name");
    if dice.once_in(2) {
        account.coverage = Some(Coverage { rule: rule.clone(), since: dice.time() });
    }
    if dice.once_in(3) {
        let count = u32::try_from(dice.throw(3)).expect("a number");
        account.skipped = Some(Skipped { rule, count, counted: dice.time() });
    }
    if dice.once_in(6) {
        account.uids.insert(host().id, 1001);
    }
    if dice.once_in(5) {
        let (at, limits) = (WallTime::from_seconds(START), policy.settings.limits);
        for _ in 0..limits.failures {
            let _ = account.throttle.charge(Bucket::of(request, account, at), at, &limits);
        }
    }
}

fn throw_factor(dice: &mut Dice, id: u32, state: FactorState) -> Factor {
    let email = |address: &str| EmailAddress::try_from(address).expect("an address");
    let number = || PhoneNumber::try_from("+491712345642").expect("a number");
    let kind = match dice.throw(5) {
        0 => FactorKind::Hotp(Hotp::generate(TotpParameters::default().digits, &mut dice.0)),
        1 => FactorKind::Sent(Recipient::Email(email("alice@example.org"))),
        2 => FactorKind::Sent(Recipient::Sms(number())),
        _ => FactorKind::Totp(Totp::generate(TotpParameters::default(), &mut dice.0)),
    };
    let label = Label::try_from(format!("factor {id}").as_str()).expect("a label");
    Factor { id: FactorId(id), label, state, last_used: None, kind }
}
