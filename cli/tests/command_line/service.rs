//! A service with scripted answers on a private bus. What it is asked it writes down.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use countersign_protocol::names::{BUS_NAME, OBJECT_PATH};
use countersign_protocol::proxies::{
    ChangeRow, Imported, MonitoredRow, OwnedFacts, Records, Reported, Simulated,
};
use countersign_protocol::step::WireStep;
use zbus::message::Header;
use zbus::{Connection, DBusError, ObjectServer, OwnedObjectPath, OwnedVariant, Variant, interface};

use crate::bus::Bus;

const CONVERSATION: &str = "/org/countersign1/conversation/c1";

/// The errors of the real service.
#[derive(Debug, DBusError)]
#[zbus(prefix = "org.countersign1.Error")]
pub(crate) enum Error {
    #[zbus(error)]
    ZBus(zbus::Error),
    NotPermitted(String),
    InvalidArgument(String),
    LimitReached(String),
    Unavailable(String),
    NoSuchUser(String),
    Refused(String),
}

/// What the service answers, and what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) status: OwnedFacts,
    pub(crate) places: Vec<OwnedFacts>,
    pub(crate) steps: VecDeque<WireStep>,
    pub(crate) people: usize,
    /// Never answers `Status`.
    pub(crate) hangs: bool,
    /// Answers every page with the same cursor; fails in the middle of sealing.
    pub(crate) never_ends: bool,
    pub(crate) asked: Vec<String>,
    /// The audit.
    pub(crate) records: Vec<String>,
    /// Fails once at the end of the audit, and has one more record afterwards.
    pub(crate) goes_away: bool,
    /// What verification finds.
    pub(crate) damage: Option<(u64, &'static str)>,
    /// What explaining adds to the answer.
    pub(crate) explained: OwnedFacts,
    /// Pages of a replay: the changes, the record up to which was looked, and what there is besides.
    pub(crate) replay: Vec<(Vec<ChangeRow>, u64, OwnedFacts)>,
    /// Pages of the report on monitored rules.
    pub(crate) report: Vec<(Vec<MonitoredRow>, u64)>,
    /// What comes of a reload.
    pub(crate) reloaded: OwnedFacts,
}

type Shared = Arc<Mutex<Script>>;

fn note(script: &Shared, what: String) {
    script.lock().unwrap().asked.push(what);
}

/// Writes options in an order that does not change.
fn listed(options: &HashMap<String, OwnedVariant>) -> String {
    let mut options: Vec<String> =
        options.iter().map(|(key, value)| format!("{key}={}", Variant::try_from(value).unwrap())).collect();
    options.sort();
    options.join(" ")
}

/// Makes facts.
pub(crate) fn facts<const N: usize>(entries: [(&str, Variant<'static>); N]) -> OwnedFacts {
    entries.into_iter().map(|(key, value)| (key.to_owned(), OwnedVariant::try_from(value).unwrap())).collect()
}

/// A person who holds one app.
pub(crate) fn standing(user: &str, entries: Vec<(&str, Variant<'static>)>) -> OwnedFacts {
    let factor = facts([
        ("id", 3_735_928_559_u32.into()),
        ("method", "totp".into()),
        ("label", "phone".into()),
        ("state", "active".into()),
        ("since", 1_793_629_920_u64.into()),
        ("last_used", 1_793_716_320_u64.into()),
    ]);
    let mut standing = facts([
        ("user", user.to_owned().into()),
        ("available", true.into()),
        ("factors", vec![factor].into()),
        ("needs_reset", false.into()),
        ("rule", "students".into()),
        ("requirement", "always".into()),
        ("enroll", "self-service".into()),
        ("methods", vec!["totp"].into()),
    ]);
    for (key, value) in entries {
        standing.insert(key.to_owned(), OwnedVariant::try_from(value).unwrap());
    }
    standing
}

struct SelfService(Shared);

#[interface(name = "org.countersign1.Self")]
impl SelfService {
    async fn status(&self) -> OwnedFacts {
        note(&self.0, "Status".to_owned());
        let hangs = self.0.lock().unwrap().hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
        std::mem::take(&mut self.0.lock().unwrap().status)
    }

    async fn begin_enrollment(
        &self,
        kind: String,
        options: HashMap<String, OwnedVariant>,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), Error> {
        note(&self.0, format!("BeginEnrollment {kind} {}", listed(&options)));
        begin(&self.0, server).await
    }

    async fn begin_removal(
        &self,
        factor: String,
        options: HashMap<String, OwnedVariant>,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), Error> {
        note(&self.0, format!("BeginRemoval {factor} {}", listed(&options)));
        begin(&self.0, server).await
    }

    async fn begin_renaming(
        &self,
        factor: String,
        label: String,
        options: HashMap<String, OwnedVariant>,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), Error> {
        note(&self.0, format!("BeginRenaming {factor} {label} {}", listed(&options)));
        begin(&self.0, server).await
    }

    async fn begin_backup_codes(
        &self,
        options: HashMap<String, OwnedVariant>,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), Error> {
        note(&self.0, format!("BeginBackupCodes {}", listed(&options)));
        begin(&self.0, server).await
    }

    async fn begin_test(
        &self,
        options: HashMap<String, OwnedVariant>,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), Error> {
        note(&self.0, format!("BeginTest {}", listed(&options)));
        begin(&self.0, server).await
    }

    fn remembered(&self) -> Vec<OwnedFacts> {
        note(&self.0, "Remembered".to_owned());
        std::mem::take(&mut self.0.lock().unwrap().places)
    }

    fn forget(&self, place: String) -> u32 {
        note(&self.0, format!("Forget {place:?}"));
        match place.as_str() {
            "" => u32::try_from(self.0.lock().unwrap().places.len()).unwrap(),
            "198.51.100.7" => 1,
            _ => 0,
        }
    }
}

async fn begin(
    script: &Shared,
    server: &ObjectServer,
) -> Result<(OwnedObjectPath, String, Vec<(u32, String)>), Error> {
    let first = script.lock().unwrap().steps.pop_front();
    let (state, lines) = first.ok_or_else(|| Error::Refused("the policy does not allow this".to_owned()))?;
    server.at(CONVERSATION, Conversation(Arc::clone(script))).await?;
    Ok((OwnedObjectPath::try_from(CONVERSATION).unwrap(), state, lines))
}

struct Conversation(Shared);

#[interface(name = "org.countersign1.Conversation")]
impl Conversation {
    async fn answer(&self, answer: String) -> Result<WireStep, Error> {
        let step = {
            let mut script = self.0.lock().unwrap();
            script.asked.push(format!("Answer {answer}"));
            script.steps.pop_front()
        };
        match step {
            Some(step) => Ok(step),
            None => std::future::pending().await,
        }
    }

    fn cancel(&self) {
        note(&self.0, "Cancel".to_owned());
    }
}

/// A code as the service writes it.
pub(crate) const INVITATION: &str = "K7QM-2XVA-9RTD";

fn invitation() -> OwnedFacts {
    facts([("invitation", INVITATION.into()), ("expires", 1_793_629_920_u64.into())])
}

struct Helpdesk(Shared);

/// Some people bring an answer of their own with their name.
fn judge(user: &str) -> Result<(), Error> {
    let text = |text: &str| text.to_owned();
    match user {
        "root" => Err(Error::NotPermitted(text("the helpdesk may not act on root"))),
        "nobody" => Err(Error::NoSuchUser(text("there is no user nobody"))),
        "busy" => Err(Error::LimitReached(text(""))),
        "broken" => Err(Error::Unavailable(text("the store did not answer"))),
        "odd" => Err(Error::InvalidArgument(text("a reason has 1 to 200 bytes"))),
        _ => Ok(()),
    }
}

#[interface(name = "org.countersign1.Helpdesk")]
impl Helpdesk {
    fn show(&self, user: String, #[zbus(header)] header: Header<'_>) -> Result<OwnedFacts, Error> {
        let may_ask = header.primary().flags().contains(zbus::message::Flags::ALLOW_INTERACTIVE_AUTH);
        note(&self.0, format!("Show {user} may_ask={may_ask}"));
        judge(&user)?;
        if user == "garbled" {
            return Ok(facts([("user", 7_u32.into())]));
        }
        Ok(standing(&user, vec![("locked_until", 1_793_629_920_u64.into())]))
    }

    fn reset(&self, user: String, options: HashMap<String, OwnedVariant>) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("Reset {user} {}", listed(&options)));
        judge(&user)?;
        let mut answer =
            facts([("removed", 1_u32.into()), ("sessions_ended", options.contains_key("method").into())]);
        if user == "invited" {
            answer.extend(invitation());
        }
        Ok(answer)
    }

    fn invite(&self, user: String, options: HashMap<String, OwnedVariant>) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("Invite {user} {}", listed(&options)));
        judge(&user)?;
        Ok(facts([("code", INVITATION.into()), ("expires", 1_793_629_920_u64.into())]))
    }

    fn set_required(
        &self,
        user: String,
        options: HashMap<String, OwnedVariant>,
    ) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("SetRequired {user} {}", listed(&options)));
        judge(&user)?;
        if user == "off" {
            let text = "second factor not available here: it is switched off on this host";
            return Err(Error::Refused(text.to_owned()));
        }
        if user == "carol" {
            let text = "second factor not available here: no rule with require = \"chosen\" covers carol";
            return Err(Error::Refused(text.to_owned()));
        }
        Ok(facts([("changed", (user != "bob").into())]))
    }

    fn set_contact(&self, user: String, options: HashMap<String, OwnedVariant>) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("SetContact {user} {}", listed(&options)));
        judge(&user)?;
        let mut answer = facts([("changed", (user != "bob").into()), ("email", "a•••@example.org".into())]);
        if options.contains_key("phone") {
            answer.extend(facts([("phone", "•••• 42".into())]));
        }
        Ok(answer)
    }

    fn unlock(&self, user: String, options: HashMap<String, OwnedVariant>) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("Unlock {user} {}", listed(&options)));
        judge(&user)?;
        let needs_reset = user == "guessed";
        Ok(facts([("was_locked", (user != "bob").into()), ("needs_reset", needs_reset.into())]))
    }
}

struct Admin(Shared);

#[interface(name = "org.countersign1.Admin")]
impl Admin {
    fn list_users(&self, after: String, limit: u32) -> (Vec<OwnedFacts>, String, u64) {
        note(&self.0, format!("ListUsers {after:?} {limit}"));
        let script = self.0.lock().unwrap();
        let first = after.parse().map_or(0, |last: usize| last + 1);
        let end = (first + usize::try_from(limit).unwrap()).min(script.people);
        let rows = (first..end).map(|number| standing(&format!("user{number:05}"), vec![])).collect();
        let next = if script.never_ends {
            "same".to_owned()
        } else if end < script.people {
            (end - 1).to_string()
        } else {
            String::new()
        };
        (rows, next, u64::try_from(script.people).unwrap())
    }

    fn explain_policy(&self, question: HashMap<String, OwnedVariant>) -> OwnedFacts {
        note(&self.0, format!("ExplainPolicy {}", listed(&question)));
        let mut answer = facts([
            ("rule", "students".into()),
            ("requirement", "always".into()),
            ("methods", vec!["totp"].into()),
            ("enroll", "at-login".into()),
            ("sees", "A prompt for a code.".into()),
            ("passed_over", vec![("no-person", "service"), ("administrators", "groups")].into()),
            ("groups_complete", false.into()),
            ("policy", "0123456789abcdef0123456789abcdef".into()),
        ]);
        answer.extend(std::mem::take(&mut self.0.lock().unwrap().explained));
        answer
    }

    async fn simulate_policy(
        &self,
        files: Vec<(String, String)>,
        options: HashMap<String, OwnedVariant>,
        after: u64,
    ) -> Result<Simulated, Error> {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.rsplit('/').next().unwrap()).collect();
        let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
        let keys: Vec<&String> = options.keys().collect();
        note(&self.0, format!("SimulatePolicy {names:?} {bytes} {keys:?} {after}"));
        let hangs = self.0.lock().unwrap().hangs && after > 0;
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut script = self.0.lock().unwrap();
        if script.never_ends {
            return Ok((vec![], 7, 9, facts([("looked", 1_u64.into())])));
        }
        let newest = script.replay.iter().map(|(_, next, _)| *next).max().unwrap_or(0);
        let page = script.replay.iter().position(|(_, next, _)| *next > after);
        let Some(page) = page else { return Err(Error::Refused("no more of this script".to_owned())) };
        let (rows, next, facts) = &mut script.replay[page];
        let facts = facts.iter().map(|(key, value)| (key.clone(), value.try_clone().unwrap())).collect();
        Ok((rows.clone(), *next, newest, facts))
    }

    fn report_policy(&self, options: HashMap<String, OwnedVariant>, after: u64) -> Reported {
        note(&self.0, format!("ReportPolicy {:?} {after}", options.keys().collect::<Vec<_>>()));
        let script = self.0.lock().unwrap();
        if script.never_ends {
            return (vec![], 7, 9);
        }
        let newest = script.report.last().map_or(0, |(_, next)| *next);
        let page = script.report.iter().find(|(_, next)| *next > after);
        let (rows, next) = page.cloned().unwrap_or_default();
        (rows, next, newest)
    }

    fn reload(&self) -> Result<OwnedFacts, Error> {
        note(&self.0, "Reload".to_owned());
        let reloaded = std::mem::take(&mut self.0.lock().unwrap().reloaded);
        if reloaded.is_empty() {
            return Err(Error::NotPermitted("only root can do this".to_owned()));
        }
        Ok(reloaded)
    }

    fn import_contacts(
        &self,
        rows: Vec<(u32, String, String, String)>,
        options: HashMap<String, OwnedVariant>,
    ) -> Result<Imported, Error> {
        let users: Vec<&str> = rows.iter().map(|row| row.1.as_str()).collect();
        let range = format!("{} to {}", users.first().unwrap(), users.last().unwrap());
        note(&self.0, format!("ImportContacts {} rows, {range} {}", rows.len(), listed(&options)));
        if options.contains_key("reason") && users.contains(&"broken") {
            return Err(Error::Unavailable("the store did not answer".to_owned()));
        }
        // No more than it gets through in a second.
        let done = rows.iter().take(300);
        let bad = |row: &&(u32, String, String, String)| row.1 == "nobody" || row.2.contains("not-one");
        let why = |row: &(u32, String, String, String)| {
            (row.0, if row.1 == "nobody" { "no such user" } else { "not an e-mail address" }.to_owned())
        };
        let refused: Vec<_> = done.clone().filter(bad).map(why).collect();
        let changed = done.clone().filter(|row| !bad(row) && row.1 != "same").count();
        Ok((refused, u32::try_from(done.count()).unwrap(), u32::try_from(changed).unwrap()))
    }

    fn test_delivery(&self, channel: String, recipient: String) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("TestDelivery {channel} {recipient}"));
        let (outcome, said) = match recipient.as_str() {
            "refused@example.org" => ("refused", "550 5.1.1 no such mailbox"),
            "late@example.org" => ("not-now", "connection refused"),
            "lost@example.org" => ("unknown", "the connection was lost"),
            "+1" => return Err(Error::InvalidArgument("not a telephone number".to_owned())),
            "+0" => ("not-configured", "`[sms]` is not configured"),
            _ => ("taken", ""),
        };
        Ok(facts([("outcome", outcome.into()), ("said", said.into())]))
    }

    /// As long as there are records, two an answer; then the service goes away once, if it is to.
    fn audit(&self, filter: HashMap<String, OwnedVariant>, after: u64) -> Result<Records, Error> {
        note(&self.0, format!("Audit {} {}", listed(&filter), after.cast_signed()));
        let mut script = self.0.lock().unwrap();
        let newest = u64::try_from(script.records.len()).unwrap();
        let after = after.min(newest);
        if after == newest && script.asked.len() > 1 {
            if std::mem::take(&mut script.goes_away) {
                script.records.push(
                    "{\"event\":\"service-started\",\"at\":1793629980,\"actor\":\"service\"}".to_owned(),
                );
                return Err(Error::Unavailable("the service stops".to_owned()));
            }
            return Err(Error::Refused("no more of this script".to_owned()));
        }
        let page: Vec<(u64, String)> =
            (1..).zip(script.records.clone()).filter(|record| record.0 > after).take(2).collect();
        let next = page.last().map_or(after, |record| record.0);
        Ok((page, next, newest))
    }

    fn verify_audit(&self, after: String, known: String) -> OwnedFacts {
        note(&self.0, format!("VerifyAudit {after:?} {known:?}"));
        let mut facts = facts([
            ("next", "500:aa".into()),
            ("done", 400_u64.into()),
            ("total", 700_u64.into()),
            ("first", 101_u64.into()),
        ]);
        if after.is_empty() {
            return facts;
        }
        facts.extend(match self.0.lock().unwrap().damage {
            Some((sequence, damage)) => self::facts([
                ("next", "".into()),
                ("done", 200_u64.into()),
                ("broken", sequence.into()),
                ("damage", damage.into()),
            ]),
            None => self::facts([("next", "".into()), ("done", 300_u64.into()), ("head", "800:bb".into())]),
        });
        facts
    }

    fn rotate_key(&self) -> u32 {
        note(&self.0, "RotateKey".to_owned());
        7
    }

    fn reseal(&self, after: String) -> Result<(String, u64, u64), Error> {
        note(&self.0, format!("Reseal {after:?}"));
        match after.as_str() {
            "" => Ok(("a1".to_owned(), 500, 700)),
            "a1" if self.0.lock().unwrap().never_ends => {
                Err(Error::Unavailable("the disk is full".to_owned()))
            }
            _ => Ok((String::new(), 200, 700)),
        }
    }
}

/// A service on a bus of its own.
pub(crate) struct Service {
    pub(crate) bus: Bus,
    pub(crate) script: Shared,
    /// Keeps the name and the threads that answer.
    _serving: (Connection, tokio::runtime::Runtime),
}

impl Service {
    pub(crate) fn start(script: Script) -> Self {
        let bus = Bus::start();
        let script = Arc::new(Mutex::new(script));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let connection = runtime.block_on(serve(&bus.address(), &script)).unwrap();
        Self { bus, script, _serving: (connection, runtime) }
    }

    /// Starts a service whose next dialogue goes so.
    pub(crate) fn with_steps(steps: &[(&str, &[(u32, &str)])]) -> Self {
        let own = |(style, text): &(u32, &str)| (*style, (*text).to_owned());
        let steps = steps.iter().map(|(state, lines)| ((*state).to_owned(), lines.iter().map(own).collect()));
        Self::start(Script { steps: steps.collect(), ..Script::default() })
    }

    /// Tells what was asked so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.clone()
    }
}

async fn serve(address: &str, script: &Shared) -> zbus::Result<Connection> {
    zbus::connection::Builder::address(address)
        .serve_at(OBJECT_PATH, SelfService(Arc::clone(script)))
        .serve_at(OBJECT_PATH, Helpdesk(Arc::clone(script)))
        .serve_at(OBJECT_PATH, Admin(Arc::clone(script)))
        .name(BUS_NAME)
        .build()
        .await
}
