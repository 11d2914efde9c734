//! A service with scripted answers on a private bus. What it is asked it writes down.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use countersign_protocol::names::{BUS_NAME, OBJECT_PATH};
use countersign_protocol::proxies::{ChangeRow, MonitoredRow, OwnedFacts};
use countersign_protocol::step::WireStep;
use zbus::message::Header;
use zbus::{Connection, DBusError, ObjectServer, OwnedObjectPath, OwnedVariant, Variant, interface};

use crate::admin::Admin;
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
    /// Rows behind those of people.
    pub(crate) bad_rows: Vec<OwnedFacts>,
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

/// The script, as every interface has it.
pub(crate) type Shared = Arc<Mutex<Script>>;

/// Writes down what was asked.
pub(crate) fn note(script: &Shared, what: String) {
    script.lock().unwrap().asked.push(what);
}

/// Writes options in an order that does not change.
pub(crate) fn listed(options: &HashMap<String, OwnedVariant>) -> String {
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

    fn delete(&self, user: String, options: HashMap<String, OwnedVariant>) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("Delete {user} {}", listed(&options)));
        judge(&user)?;
        if user == "alice" {
            return Err(Error::Refused(
                "the name service still knows alice; use `countersign user reset`".to_owned(),
            ));
        }
        Ok(facts([("deleted", 1_u32.into())]))
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

    fn resync(&self, user: String, options: HashMap<String, OwnedVariant>) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("Resync {user} {}", listed(&options)));
        judge(&user)?;
        let changed = u32::from(user != "bob");
        Ok(facts([("changed", changed.into()), ("clock", 1_793_629_920_u64.into())]))
    }

    fn unlock(&self, user: String, options: HashMap<String, OwnedVariant>) -> Result<OwnedFacts, Error> {
        note(&self.0, format!("Unlock {user} {}", listed(&options)));
        judge(&user)?;
        let needs_reset = user == "guessed";
        Ok(facts([("was_locked", (user != "bob").into()), ("needs_reset", needs_reset.into())]))
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
