//! A dialogue as text (DESIGN.md 8): the lines that act are played, the lines that answer are written anew.
//!
//! ```text
//! # a comment
//! = policy always at-login          the rule; also: = language de · = wait 30 · = cut · = reset alice · = person …
//! > Login.Begin alice service=sshd remote_host=198.51.100.7
//! < ask    4 "Code: "
//! > Answer {code}                   {code+1} {code-1} … of the newest key on the phone, {old} of the first one, {wrong}
//! < allow
//! ! audit  login-allowed user=alice rule=default verdict=allow factor=totp attempts=1
//! ```
//! Keys, drawings and backup codes are written `{key}`, `{qr COLUMNSxROWS}`, `{uri}` and `{backup codes}`. Further answers:
//! `{backup3}` (the third of the newest set; `{backup3 lower}` and `{backup3 bare}` as people type it, `{old backup3}` of
//! the set before), `{token 5}` (the newest key's code at counter 5), `{invitation}`, `{mailed}` (the code sent last; `{mailed
//! bare}` without its groups, `{old mailed}` the one before). ` r` may follow any of them.
//! A login with `session=3` is made within the session 3 of the kernel; `= session 3` says that the last login opened it, and
//! `= session over 3` that it is over.
//! What goes out is written `! send`; what becomes of it is said by `= delivered`, `= put off` and `= failed refused`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use countersign_core::account::{HostId, RuleName};
use countersign_core::contact::{Contacts, Country, EmailAddress, PhoneNumber};
use countersign_core::conversation::backup_codes::{BackupCodes, BackupCodesRequest};
use countersign_core::conversation::enrollment::{Enrollment as EnrollmentDialogue, EnrollmentRequest};
use countersign_core::conversation::login::Login;
use countersign_core::conversation::removal::{Removal, RemovalRequest};
use countersign_core::conversation::renaming::{Renaming, RenamingRequest};
use countersign_core::conversation::trial::{Trial, TrialRequest};
use countersign_core::conversation::{Conversation, Event, Reply, State, Style};
use countersign_core::delivery::{Failure, Outgoing, Progress, Recipient};
use countersign_core::factor::sent::Bind;
use countersign_core::factor::{Label, Method};
use countersign_core::helpdesk::{Scope, Switch, reset, set_chosen};
use countersign_core::invitation::INVITATION_LIFE;
use countersign_core::login::{FirstFactor, LoginRequest, Person, Phase, PublicKey, Source};
use countersign_core::policy::{
    Accepted, ContactRule, Enrollment, Matcher, Mode, Requirement, Rule, SkipRule,
};
use countersign_core::secret::Secret;
use countersign_core::sending::{Channels, Numbers};
use countersign_core::throttle::Bucket;
use countersign_core::time::WallTime;
use countersign_core::words::{Language, Message, Setup, say};

use crate::mailbox::{Mail, code_in};
use crate::phone::Phone;
use crate::sessions::{Sessions, session};
use crate::world::{START, World, act, host, person, ssh_login, stranger};

/// A play of one script.
struct Stage {
    world: World,
    people: BTreeMap<String, Person>,
    conversation: Conversation,
    first_phone: Option<Phone>,
    phone: Option<Phone>,
    sheets: Vec<Vec<String>>,
    invitation: Option<String>,
    sessions: Sessions,
    events_shown: usize,
    mails_shown: usize,
}

/// Plays the acting lines of a script and writes the whole script anew.
pub(crate) fn play(script: &str) -> String {
    let mut stage = Stage {
        world: World::new(Requirement::Always, Enrollment::SelfService),
        people: BTreeMap::new(),
        conversation: Conversation::End,
        first_phone: None,
        phone: None,
        sheets: Vec::new(),
        invitation: None,
        sessions: Sessions::default(),
        events_shown: 0,
        mails_shown: 0,
    };
    let mut output = String::new();
    for line in script.lines().filter(|line| !line.starts_with(['<', '!'])) {
        let _ = writeln!(output, "{line}");
        if let Some(directive) = line.strip_prefix("= ") {
            stage.direct(directive);
        } else if let Some(call) = line.strip_prefix("> ") {
            let reply = stage.call(call);
            output.push_str(&reply);
        }
        stage.write_events(&mut output);
    }
    output
}

impl Stage {
    /// Sets the scene.
    fn direct(&mut self, directive: &str) {
        let words: Vec<&str> = directive.split_whitespace().collect();
        match words.as_slice() {
            ["person", name, facts @ ..] => self.direct_person(name, facts),
            ["wait", seconds] => self.world.wait(seconds.parse().expect("seconds")),
            ["cut"] => self.end(Event::ClientGone),
            ["deadline"] => self.end(Event::DeadlineReached),
            ["delivered"] => self.world.settle(Progress::Sent),
            ["put", "off"] => self.world.settle(Progress::Deferred),
            ["failed", word] => {
                let failure = Failure::ALL.into_iter().find(|failure| failure.word() == *word);
                self.world.settle(Progress::Failed(failure.expect("a failure")));
            }
            ["reset", name] => self.reset(name),
            ["locked", name] => self.lock(name),
            ["password-changed", name] => {
                let person = self.person(name);
                let mut account = self.world.load(&person);
                account.password_changed(self.world.now());
                self.world.store(account);
            }
            ["session", number] => self.sessions.open(number),
            ["session", "over", number] => self.sessions.close(number),
            ["invite", name] => {
                let person = self.person(name);
                self.invitation = Some(self.world.invite(&person, INVITATION_LIFE));
            }
            ["chosen", name, switch] => {
                self.choose(name, if *switch == "on" { Switch::On } else { Switch::Off });
            }
            rule => self.direct_policy(rule),
        }
    }

    /// Writes the file.
    fn direct_policy(&mut self, words: &[&str]) {
        let policy = &mut self.world.policy;
        match words {
            ["remember", hours] => {
                let hours = hours.parse().expect("hours");
                policy.default.remember = Some(Duration::from_hours(hours));
            }
            ["mode", "monitor"] => policy.default.mode = Mode::Monitor,
            ["mode", "enforce"] => policy.default.mode = Mode::Enforce,
            ["switched", switch] => policy.is_enabled = *switch == "on",
            ["rule", service] => {
                let rule = Rule {
                    name: RuleName::try_from(*service).expect("a name"),
                    matcher: Matcher { services: vec![(*service).to_owned()], ..Matcher::default() },
                    ..policy.default.clone()
                };
                policy.rules.push(rule);
            }
            ["enrolled_after", "now"] => policy.default.enrolled_after = Some(self.world.wall),
            ["fresh_for", minutes] => {
                let minutes = minutes.parse().expect("minutes");
                policy.default.fresh_for = Some(Duration::from_mins(minutes));
            }
            ["accept", "ssh-security-key"] => policy.default.accept = vec![Accepted::SshSecurityKey],
            ["skip", facts @ ..] => policy.default.skip = Some(skip_rule(facts)),
            ["policy", require, rest @ ..] => self.set_policy(require, rest),
            ["methods", names @ ..] => {
                policy.default.methods = names.iter().map(|name| method(name)).collect();
            }
            ["enroll_within", seconds] => {
                let limit = Duration::from_secs(seconds.parse().expect("seconds"));
                policy.default.enroll_within = Some(limit);
            }
            ["language", tag] => {
                policy.settings.language = Language::from_tag(tag).expect("a language");
            }
            ["no", "help"] => policy.settings.help = None,
            ["channels", names @ ..] => {
                let has = |name: &str| names.contains(&name);
                let numbers = |name: &str| has(name).then(Numbers::default);
                let channels = Channels { email: has("email"), sms: numbers("sms"), call: numbers("call") };
                policy.settings.channels = channels;
            }
            ["contacts", rule] => {
                policy.default.contacts = match *rule {
                    "on-file" => ContactRule::OnFile,
                    "any" => ContactRule::Any,
                    other => panic!("no rule for contacts {other}"),
                };
            }
            ["country", country, prefixes @ ..] => {
                set_country(&mut policy.settings.channels, country, prefixes);
            }
            ["limit", "per_ten_minutes", number] => {
                policy.settings.sending.per_ten_minutes = number.parse().expect("a number");
            }
            ["bind", "login"] => policy.settings.sent.bind = Bind::Login,
            other => panic!("no directive {other:?}"),
        }
    }

    /// Says who a person is and what they have.
    fn direct_person(&mut self, name: &str, facts: &[&str]) {
        match facts {
            ["unknown"] => {
                self.people.insert(name.to_owned(), stranger(name));
            }
            ["uid", uid] => {
                self.people.insert(name.to_owned(), person(name, uid.parse().expect("a uid")));
            }
            ["has", label] => {
                let person = self.person(name);
                let factor = self.world.enroll(&person, label);
                self.learn(Phone::of(&factor));
            }
            ["has", "token", label] => {
                let person = self.person(name);
                let factor = self.world.enroll_token(&person, label);
                self.learn(Phone::of(&factor));
            }
            ["has", "backup", "codes"] => {
                let person = self.person(name);
                let sheet = self.world.give_backup_codes(&person);
                self.sheets.push(sheet);
            }
            ["has", channel @ ("email" | "sms" | "call"), address] => {
                let person = self.person(name);
                let recipient = recipient(channel, address);
                let number = self.world.load(&person).factors.len();
                let label = format!("{channel} no. {number}");
                let _ = self.world.enroll_recipient(&person, &label, recipient);
            }
            ["on", "file", address] => {
                let person = self.person(name);
                let mut account = self.world.load(&person);
                account.contacts = contacts(address).or(&account.contacts);
                self.world.store(account);
            }
            ["in", "directory", address] => {
                let mut person = self.person(name);
                person.contacts = contacts(address).or(&person.contacts);
                self.people.insert(name.to_owned(), person);
            }
            other => panic!("no fact {other:?}"),
        }
    }

    fn set_policy(&mut self, require: &str, rest: &[&str]) {
        self.world.policy.default.require = match require {
            "always" => Requirement::Always,
            "chosen" => Requirement::Chosen,
            "enrolled" => Requirement::Enrolled,
            "never" => Requirement::Never,
            other => panic!("no requirement {other}"),
        };
        self.world.policy.default.enroll = match rest {
            [] | ["self-service"] => Enrollment::SelfService,
            ["at-login"] => Enrollment::AtLogin,
            ["invited"] => Enrollment::Invited,
            other => panic!("no enrollment {other:?}"),
        };
    }

    fn person(&mut self, name: &str) -> Person {
        self.people.entry(name.to_owned()).or_insert_with(|| person(name, 1000)).clone()
    }

    fn learn(&mut self, phone: Phone) {
        self.first_phone.get_or_insert_with(|| phone.clone());
        self.phone = Some(phone);
    }

    fn reset(&mut self, name: &str) {
        let target = self.person(name);
        let account = self.world.load(&target);
        let now = self.world.now();
        let World { policy, entropy, .. } = &mut self.world;
        let done = reset(&account, &act(&target), Scope::All, policy, entropy, now);
        self.invitation = done.invitation.map(|issued| issued.code.expose().clone());
        self.world.events.push(done.event);
        self.world.store(done.account);
    }

    fn choose(&mut self, name: &str, switch: Switch) {
        let target = self.person(name);
        let account = self.world.load(&target);
        let now = self.world.now();
        let World { policy, entropy, .. } = &mut self.world;
        let done = set_chosen(&account, &act(&target), switch, policy, entropy, now);
        let done = done.expect("a rule with `chosen`");
        self.world.events.push(done.event);
        self.world.store(done.account);
    }

    /// Locks every source that a script uses, as five wrong codes from there would.
    fn lock(&mut self, name: &str) {
        let person = self.person(name);
        let mut account = self.world.load(&person);
        let limits = self.world.policy.settings.limits;
        for _ in 0..limits.failures {
            let _ = account.throttle.charge(Bucket::UnknownSource, self.world.wall, &limits);
        }
        self.world.store(account);
    }

    fn end(&mut self, event: Event) {
        let (next, reply) = self.world.turn(&self.conversation.clone(), event);
        assert!(reply.is_none() && matches!(next, Conversation::End));
        self.conversation = next;
    }

    /// Makes one call of the bus and writes what it returns.
    fn call(&mut self, call: &str) -> String {
        let (verb, rest) = call.split_once(' ').unwrap_or((call, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        let event = match (verb, words.as_slice()) {
            ("Login.Begin", [name, context @ ..]) => {
                let request = login_request(self.person(name), context);
                let request = self.sessions.enter(request, self.world.since_boot);
                self.conversation = Login::begin(request, self.world.policy());
                Event::Begun
            }
            ("Self.BeginEnrollment", [name, kind, options @ ..]) => {
                let request = enrollment_request(self.person(name), method(kind), options);
                self.conversation = EnrollmentDialogue::begin(request, self.world.policy());
                Event::Begun
            }
            ("Self.BeginRemoval", [name, ..]) => {
                let factor = rest.strip_prefix(name).unwrap_or_default().trim().to_owned();
                let person = self.person(name);
                let request = RemovalRequest { person, host: host(), factor, language: None };
                self.conversation = Removal::begin(request, self.world.policy());
                Event::Begun
            }
            ("Self.BeginRenaming", [name, factor, label]) => {
                let label = Label::try_from(*label).expect("a label");
                let (person, factor) = (self.person(name), (*factor).to_owned());
                let request = RenamingRequest { person, host: host(), factor, label, language: None };
                self.conversation = Renaming::begin(request, self.world.policy());
                Event::Begun
            }
            ("Self.BeginBackupCodes", [name]) => {
                let request = BackupCodesRequest { person: self.person(name), host: host(), language: None };
                self.conversation = BackupCodes::begin(request, self.world.policy());
                Event::Begun
            }
            ("Self.BeginTest", [name]) => {
                let request = TrialRequest { person: self.person(name), host: host(), language: None };
                self.conversation = Trial::begin(request, self.world.policy());
                Event::Begun
            }
            ("Answer", _) => Event::Answered(self.fill_in(rest).into()),
            other => panic!("no call {other:?}"),
        };
        let (next, reply) = self.world.turn(&self.conversation.clone(), event);
        if let (Some(epoch), Conversation::Login(login)) = (self.world.given, &self.conversation) {
            self.sessions.note(login.person(), epoch, self.world.since_boot);
        }
        self.conversation = next;
        let reply = reply.expect("a call has a reply");
        self.read_keys(&reply);
        write_reply(self.world.policy.settings.language, &reply)
    }

    fn fill_in(&mut self, answer: &str) -> String {
        let wish = answer.split_at_checked(answer.len().saturating_sub(2));
        if let Some((code, wish @ (" r" | " R"))) = wish.filter(|(code, _)| code.starts_with('{')) {
            return format!("{}{wish}", self.fill_in(code));
        }
        if answer.contains("mailed") && answer.starts_with('{') {
            return self.mailed(answer);
        }
        let at = self.world.wall;
        let phone = || self.phone.as_ref().expect("a phone that knows a key");
        match answer {
            "{empty}" => String::new(),
            "{stand-in}" => "\u{8}\n\r\u{7f}INCORRECT".to_owned(),
            "{wrong}" => phone().wrong(at, self.world.events.len()),
            "{old}" => self.first_phone.as_ref().expect("a first key").code(at, 0),
            "{code}" => phone().code(at, 0),
            "{invitation}" => self.invitation.clone().expect("an invitation"),
            _ if answer.contains("backup") && answer.starts_with('{') => self.backup(answer),
            _ if answer.starts_with("{token ") => {
                let counter = answer.trim_matches(|character: char| !character.is_ascii_digit());
                phone().token_code(counter.parse().expect("a counter"))
            }
            _ => match answer.strip_prefix("{code").and_then(|rest| rest.strip_suffix('}')) {
                Some(offset) => phone().code(at, offset.parse().expect("an offset")),
                None => answer.to_owned(),
            },
        }
    }

    /// Reads a code that was sent.
    fn mailed(&mut self, answer: &str) -> String {
        let words: Vec<&str> = answer.trim_matches(['{', '}']).split(' ').collect();
        match words.as_slice() {
            ["mailed"] => self.world.mailed(),
            ["mailed", "bare"] => self.world.mailed().replace([' ', '-'], ""),
            ["old", "mailed"] => {
                let old = self.world.mailbox.codes().nth(1).expect("two codes that were sent");
                code_in(&old.outgoing)
            }
            other => panic!("no code {other:?}"),
        }
    }

    /// Reads a backup code off the paper, as a person would.
    fn backup(&self, answer: &str) -> String {
        let words: Vec<&str> = answer.trim_matches(['{', '}']).split(' ').collect();
        let (sheet, words) = match words.as_slice() {
            ["old", rest @ ..] => (self.sheets.iter().rev().nth(1), rest),
            rest => (self.sheets.last(), rest),
        };
        let [place, manner @ ..] = words else { panic!("no backup code {answer}") };
        let place: usize = place.trim_start_matches("backup").parse().expect("a number");
        let code = sheet.expect("a sheet").get(place - 1).expect("one of ten");
        match manner {
            [] => code.clone(),
            ["lower"] => code.to_lowercase(),
            ["bare"] => code.replace('-', ""),
            other => panic!("no manner {other:?}"),
        }
    }

    /// Types the key into the phone and copies the codes, as a person would.
    fn read_keys(&mut self, reply: &Reply) {
        let messages = reply.lines.iter().flat_map(|line| &line.messages);
        for message in messages {
            if let Message::Setup(Setup::Key { key, .. }) = message {
                self.world.unspeakable.push(key.expose().clone());
                self.world.unspeakable.push(key.expose().replace(' ', ""));
                self.learn(Phone::typed(key.expose()));
            }
            if let Message::Setup(Setup::BackupCodes(sheet)) = message {
                let codes: Vec<String> = sheet.expose().split_whitespace().map(str::to_owned).collect();
                self.world.unspeakable.extend(codes.iter().cloned());
                self.world.unspeakable.extend(codes.iter().map(|code| code.replace('-', "")));
                self.sheets.push(codes);
            }
        }
    }

    fn write_events(&mut self, output: &mut String) {
        for Mail { outgoing, .. } in self.world.mailbox.mails.iter().skip(self.mails_shown) {
            let Outgoing { recipient, purpose, .. } = outgoing;
            let (channel, address) = (recipient.channel().name(), recipient.address());
            let _ =
                writeln!(output, "! send   {channel} {address} {}", format!("{purpose:?}").to_lowercase());
        }
        self.mails_shown = self.world.mailbox.mails.len();
        for event in self.world.events.iter().skip(self.events_shown) {
            let _ = write!(output, "! audit  {}", event.event.name());
            let user = event.subject.as_ref().map(|subject| subject.user.clone());
            let attempts = event.attempts.map(|attempts| attempts.to_string());
            let fields = [
                ("user", &user),
                ("rule", &event.rule),
                ("verdict", &event.verdict),
                ("factor", &event.factor),
                ("attempts", &attempts),
                ("reason", &event.reason),
                ("change", &event.change),
                ("would", &event.would),
                ("would_because", &event.would_because),
            ];
            for (name, value) in fields {
                if let Some(value) = value {
                    let _ = write!(output, " {name}={value}");
                }
            }
            output.push('\n');
        }
        self.events_shown = self.world.events.len();
    }
}

fn login_request(person: Person, context: &[&str]) -> LoginRequest {
    let mut request = LoginRequest { source: Source::Local, tty: Some("tty1".into()), ..ssh_login(person) };
    for fact in context {
        match fact.split_once('=').expect("a fact is key=value") {
            ("service", service) => service.clone_into(&mut request.service),
            ("remote_host", address) => {
                request.source = Source::Address(address.parse().expect("an address"));
            }
            ("phase", "account") => request.phase = Phase::Account,
            ("first_factor", "late") => request.first_factor = FirstFactor::Late,
            ("public_key", algorithm) => {
                let fingerprint = "SHA256:seeded".to_owned();
                request.ssh.public_key = Some(PublicKey { algorithm: algorithm.to_owned(), fingerprint });
            }
            ("requesting_uid", uid) => request.requesting_uid = Some(uid.parse().expect("a uid")),
            ("session", number) => request.session = Some(session(number)),
            ("caller_uid", uid) => request.caller_uid = uid.parse().expect("a uid"),
            ("machine", id) => request.host.id = HostId::try_from(id).expect("a machine-id"),
            other => panic!("no fact {other:?}"),
        }
    }
    request
}

fn set_country(channels: &mut Channels, country: &str, prefixes: &[&str]) {
    let allow_prefixes: Vec<String> = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    let numbers = Numbers { country: Country::try_from(country).ok(), allow_prefixes };
    for served in [&mut channels.sms, &mut channels.call].into_iter().flatten() {
        served.clone_from(&numbers);
    }
}

fn skip_rule(facts: &[&str]) -> SkipRule {
    let mut rule = SkipRule { times: None, until: None };
    for fact in facts {
        match fact.split_once('=').expect("a fact is key=value") {
            ("times", times) => rule.times = Some(times.parse().expect("a number")),
            ("days", days) => {
                let hours = 24 * days.parse::<u64>().expect("a number");
                rule.until = Some(WallTime::from_seconds(START).after(Duration::from_hours(hours)));
            }
            other => panic!("no fact {other:?}"),
        }
    }
    rule
}

fn recipient(channel: &str, address: &str) -> Recipient {
    let number = || PhoneNumber::try_from(address).expect("a number");
    match channel {
        "email" => Recipient::Email(EmailAddress::try_from(address).expect("an address")),
        "sms" => Recipient::Sms(number()),
        "call" => Recipient::Call(number()),
        other => panic!("no channel {other}"),
    }
}

fn contacts(address: &str) -> Contacts {
    let contacts =
        Contacts { email: EmailAddress::try_from(address).ok(), phone: PhoneNumber::try_from(address).ok() };
    assert_ne!(contacts, Contacts::default(), "neither address nor number");
    contacts
}

fn method(name: &str) -> Method {
    Method::ALL.into_iter().find(|method| method.name() == name).expect("a method")
}

fn enrollment_request(person: Person, method: Method, options: &[&str]) -> EnrollmentRequest {
    let mut request = EnrollmentRequest {
        person,
        host: host(),
        method,
        label: None,
        replace: None,
        recipient: None,
        draws_qr: false,
        language: None,
    };
    for option in options {
        match option.split_once('=').expect("an option is key=value") {
            ("label", label) => request.label = Some(Label::try_from(label).expect("a label")),
            ("replace", label) => request.replace = Some(label.to_owned()),
            ("recipient", text) => request.recipient = Some(text.to_owned()),
            ("draws_qr", value) => request.draws_qr = value == "true",
            other => panic!("no option {other:?}"),
        }
    }
    request
}

fn write_reply(language: Language, reply: &Reply) -> String {
    let state = match reply.state {
        State::Ask => "ask",
        State::Verdict(verdict) => verdict.name(),
        State::Done => "done",
        State::Failed => "failed",
    };
    if reply.lines.is_empty() {
        return format!("< {state}\n");
    }
    let mut output = String::new();
    for (position, line) in reply.lines.iter().enumerate() {
        let shown = if position == 0 { state } else { "" };
        let texts: Vec<String> =
            line.messages.iter().map(|message| say(language, &redact(message))).collect();
        let text = texts.join("\\n").replace('"', "\\\"");
        let _ = writeln!(output, "< {shown:<8} {} \"{text}\"", number(line.style));
    }
    output
}

/// Puts a placeholder where a secret stands.
fn redact(message: &Message) -> Message {
    let placeholder = |text: String| Secret::new(text);
    match message {
        Message::Setup(Setup::Key { drawn, .. }) => {
            Message::Setup(Setup::Key { key: placeholder("{key}".into()), drawn: *drawn })
        }
        Message::Setup(Setup::BackupCodes(_)) => {
            Message::Setup(Setup::BackupCodes(placeholder("{backup codes}".into())))
        }
        Message::Setup(Setup::Uri(_)) => Message::Setup(Setup::Uri(placeholder("{uri}".into()))),
        Message::Setup(Setup::Drawing(drawing)) => {
            let columns = drawing.expose().lines().next().map_or(0, |line| line.chars().count());
            let size = format!("{{qr {columns}x{}}}", drawing.expose().lines().count());
            Message::Setup(Setup::Drawing(placeholder(size)))
        }
        other => other.clone(),
    }
}

const fn number(style: Style) -> u32 {
    match style {
        Style::Information => 1,
        Style::Error => 2,
        Style::AskHidden => 3,
        Style::AskVisible => 4,
        Style::ShowOnce => 5,
    }
}
