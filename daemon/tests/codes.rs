//! The real service on a bus of the test's own: backup codes, names, trials, invitations, chosen people, other sessions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_protocol::names::error;
use countersign_protocol::step::WireStep;
use data_encoding::BASE32_NOPAD;
use zbus::{Connection, OwnedObjectPath, Variant, interface};

use harness::bus::{Bus, answer, helpdesk, number, oneself, switch, text};
use harness::{House, Phone, error_name, own_name, wall};

const MANAGER: &str = "/org/freedesktop/login1";
const RULES: &str = "[default]\nrequire = \"enrolled\"\n";

async fn settle(rules: &str) -> (House, Bus) {
    let mut house = House::build(rules);
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    (house, bus)
}

/// Enrolls oneself; tells the phone, the last step and the backup codes.
async fn enroll(
    connection: &Connection,
    options: HashMap<&'static str, Variant<'static>>,
) -> (Phone, WireStep, Vec<String>) {
    let mut options = options;
    options.insert("draws_qr", Variant::from(true));
    let begun = oneself(connection).await.begin_enrollment("totp", options).await.unwrap();
    let step = answer(connection, &begun, "yes").await.unwrap();
    let uri = &step.1.iter().find(|(style, _)| *style == 5).unwrap().1;
    let key = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    let phone = Phone::with(&BASE32_NOPAD.decode(key.as_bytes()).unwrap());
    let shown = answer(connection, &begun, &phone.code()).await.unwrap();
    let codes = codes_in(&shown);
    let step = answer(connection, &begun, "saved").await.unwrap();
    (phone, step, codes)
}

/// The backup codes that stand in a prompt.
fn codes_in(step: &WireStep) -> Vec<String> {
    let prompt = &step.1.last().unwrap().1;
    let is_code = |word: &&str| word.len() == 15 && word.matches('-').count() == 2;
    prompt.split_whitespace().filter(is_code).map(str::to_owned).collect()
}

#[tokio::test]
async fn backup_codes_prove_once_each_and_new_ones_end_the_old() {
    let (_house, bus) = settle(RULES).await;
    let connection = bus.client().await;
    let own = oneself(&connection).await;
    assert!(!own.status().await.unwrap().contains_key("backup_codes_left"));
    let (_, step, codes) = enroll(&connection, HashMap::new()).await;
    assert_eq!((step.0.as_str(), codes.len()), ("done", 10), "{step:?}");
    assert_eq!(number(&own.status().await.unwrap(), "backup_codes_left"), 10);

    let begun = own.begin_renaming("authenticator", "my phone", HashMap::new()).await.unwrap();
    let step = answer(&connection, &begun, &codes[0]).await.unwrap();
    assert_eq!(step.0, "done", "{step:?}");
    assert_eq!(number(&own.status().await.unwrap(), "backup_codes_left"), 9);

    let begun = own.begin_test(HashMap::new()).await.unwrap();
    let refused = answer(&connection, &begun, &codes[0]).await.unwrap();
    assert_eq!(refused.0, "ask", "a code was used twice: {refused:?}");
    let step = answer(&connection, &begun, &codes[1].to_lowercase().replace('-', "")).await.unwrap();
    assert_eq!(step.0, "done", "{step:?}");

    let begun = own.begin_backup_codes(HashMap::new()).await.unwrap();
    let shown = answer(&connection, &begun, &codes[2]).await.unwrap();
    let fresh = codes_in(&shown);
    assert_eq!((fresh.len(), fresh.contains(&codes[3])), (10, false), "{shown:?}");
    assert_eq!(answer(&connection, &begun, "saved").await.unwrap().0, "done");
    let begun = own.begin_test(HashMap::new()).await.unwrap();
    assert_eq!(answer(&connection, &begun, &codes[4]).await.unwrap().0, "ask", "an old code is valid still");
    assert_eq!(answer(&connection, &begun, &fresh[0]).await.unwrap().0, "done");
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_before_anything_is_asked() {
    let (_house, bus) = settle(RULES).await;
    let connection = bus.client().await;
    let own = oneself(&connection).await;
    for label in ["", "12345", "backup", "a\u{1b}[2J", &"x".repeat(65)] {
        let refused = own.begin_renaming("phone", label, HashMap::new()).await.unwrap_err();
        assert_eq!(error_name(&refused), error::INVALID_ARGUMENT, "{label:?}");
    }
    for (key, value) in [
        ("replace", Variant::from(1_u32)),
        ("replace", Variant::from("x".repeat(65))),
        ("end_sessions", Variant::from("yes")),
    ] {
        let refused = own.begin_enrollment("totp", HashMap::from([(key, value)])).await.unwrap_err();
        assert_eq!(error_name(&refused), error::INVALID_ARGUMENT, "{key}");
    }
}

fn options<const N: usize>(
    entries: [(&'static str, Variant<'static>); N],
) -> HashMap<&'static str, Variant<'static>> {
    let mut options = HashMap::from(entries);
    options.insert("reason", Variant::from("asked for it"));
    options
}

#[tokio::test]
async fn an_invitation_opens_the_way_to_a_first_factor_once() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root is let through without polkit");
        return;
    }
    let rules = "[default]\nrequire = \"always\"\nenroll = \"invited\"\ninvite_for = \"2h\"\n";
    let (_house, bus) = settle(rules).await;
    let connection = bus.client().await;
    let (own, helpdesk) = (oneself(&connection).await, helpdesk(&connection).await);
    for wrong in
        [Variant::from(59_u32), Variant::from(604_801_u32), Variant::from("1h"), Variant::from(3600_u64)]
    {
        let refused = helpdesk.invite(&own_name(), options([("for", wrong)])).await.unwrap_err();
        assert_eq!(error_name(&refused), error::INVALID_ARGUMENT);
    }
    let refused = helpdesk.invite(&own_name(), HashMap::new()).await.unwrap_err();
    assert_eq!(error_name(&refused), error::INVALID_ARGUMENT, "without a reason");

    let invited = helpdesk.invite(&own_name(), options([("for", Variant::from(604_800_u32))])).await.unwrap();
    let expires = u64::try_from(invited.get("expires").unwrap().clone()).unwrap();
    let longest = wall().after(Duration::from_secs(2 * 60 * 60 + 5)).as_seconds();
    assert!(expires <= longest, "longer than the rule allows");

    let begun = own.begin_enrollment("totp", HashMap::new()).await.unwrap();
    assert_eq!(answer(&connection, &begun, "yes").await.unwrap().0, "ask");
    let step = answer(&connection, &begun, &text(&invited, "code")).await.unwrap();
    assert!(step.1.last().unwrap().1.contains("Key: "), "{step:?}");

    let done = helpdesk.reset(&own_name(), options([])).await.unwrap();
    assert_eq!(text(&done, "invitation").len(), 14);
    assert!(done.contains_key("expires") && text(&done, "invitation") != text(&invited, "code"));
}

#[tokio::test]
async fn people_are_chosen_where_a_rule_asks_chosen_people() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("left out: only root is let through without polkit");
        return;
    }
    let rules = "[[policy]]\nname = \"pilot\"\nusers = [\"root\"]\nrequire = \"chosen\"\n\n";
    let (_house, bus) = settle(&format!("{rules}{RULES}")).await;
    let connection = bus.client().await;
    let (own, helpdesk) = (oneself(&connection).await, helpdesk(&connection).await);
    assert!(!switch(&own.status().await.unwrap(), "chosen"));
    for (required, changed) in [(true, true), (true, false), (false, true), (false, false), (true, true)] {
        let done = helpdesk.set_required("root", options([("required", required.into())])).await.unwrap();
        assert_eq!(switch(&done, "changed"), changed);
        assert_eq!(switch(&own.status().await.unwrap(), "chosen"), required);
    }
    for wrong in [options([]), options([("required", Variant::from("yes"))])] {
        let refused = helpdesk.set_required("root", wrong).await.unwrap_err();
        assert_eq!(error_name(&refused), error::INVALID_ARGUMENT);
    }
    let refused = helpdesk.set_required("daemon", options([("required", true.into())])).await.unwrap_err();
    assert_eq!(error_name(&refused), error::REFUSED);
    assert!(
        refused.to_string().contains("Second factor not available here: no rule with require"),
        "{refused}"
    );
}

/// A systemd-logind with four sessions; the caller sits in the first.
struct Logind {
    caller: Option<&'static str>,
    display: &'static str,
    ended: Arc<Mutex<Vec<String>>>,
}

fn session(id: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(format!("{MANAGER}/session/{id}")).unwrap()
}

#[interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    fn list_sessions(&self) -> Vec<(String, u32, String, String, OwnedObjectPath)> {
        assert!(self.ended.lock().unwrap().is_empty(), "asked once");
        let own = nix::unistd::getuid().as_raw();
        let row = |(id, uid): (&str, u32)| (id.to_owned(), uid, String::new(), String::new(), session(id));
        [("c1", own), ("c2", own), ("c3", own.wrapping_add(1)), ("c4", own)].map(row).to_vec()
    }

    #[zbus(name = "GetSessionByPID")]
    fn get_session_by_pid(&self, pid: u32) -> Result<OwnedObjectPath, NoSession> {
        assert_eq!(pid, std::process::id());
        self.caller.map(session).ok_or_else(|| NoSession::NoSessionForPID("none".to_owned()))
    }

    fn get_user(&self, uid: u32) -> OwnedObjectPath {
        assert!(self.caller.is_none() && uid == nix::unistd::getuid().as_raw());
        OwnedObjectPath::try_from(format!("{MANAGER}/user")).unwrap()
    }

    fn terminate_session(&self, id: String) {
        self.ended.lock().unwrap().push(id);
    }
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.login1")]
enum NoSession {
    #[zbus(error)]
    ZBus(zbus::Error),
    NoSessionForPID(String),
}

struct User(&'static str);

#[interface(name = "org.freedesktop.login1.User")]
impl User {
    #[zbus(property)]
    fn display(&self) -> (String, OwnedObjectPath) {
        let path = if self.0.is_empty() { OwnedObjectPath::try_from("/").unwrap() } else { session(self.0) };
        (self.0.to_owned(), path)
    }
}

async fn serve(bus: &Bus, logind: Logind) -> Connection {
    let connection = bus.connect().await;
    let server = connection.object_server();
    server.at(format!("{MANAGER}/user"), User(logind.display)).await.unwrap();
    server.at(MANAGER, logind).await.unwrap();
    connection.request_name("org.freedesktop.login1").await.unwrap();
    connection
}

#[tokio::test]
async fn the_callers_other_sessions_end_once_the_factor_is_set_up_and_never_the_callers_own() {
    for (caller, display, expected) in [
        (Some("c1"), "c4", vec!["c2", "c4"]),
        // A terminal of a desktop runs in no session: the desktop is spared.
        (None, "c4", vec!["c1", "c2"]),
        (None, "", vec!["c1", "c2", "c4"]),
    ] {
        let (_house, bus) = settle(RULES).await;
        let connection = bus.client().await;
        let ended = Arc::new(Mutex::new(Vec::new()));
        let _logind = serve(&bus, Logind { caller, display, ended: Arc::clone(&ended) }).await;
        let begun = oneself(&connection).await;
        let wish = HashMap::from([("end_sessions", Variant::from(true)), ("draws_qr", Variant::from(true))]);
        begun.begin_enrollment("totp", wish.clone()).await.unwrap();
        assert!(ended.lock().unwrap().is_empty(), "ended before anything was set up");
        let (_, step, _) = enroll(&connection, wish).await;
        assert_eq!(step.0, "done", "{step:?}");
        assert!(step.1.last().unwrap().1.contains("are ended"), "{step:?}");
        assert_eq!(*ended.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn without_logind_the_factor_is_set_up_and_the_person_is_told_that_the_sessions_are_not_ended() {
    let (_house, bus) = settle(RULES).await;
    let connection = bus.client().await;
    let (_, step, _) = enroll(&connection, HashMap::from([("end_sessions", Variant::from(true))])).await;
    assert_eq!((step.0.as_str(), step.1.last().unwrap().0), ("done", 2), "{step:?}");
    assert!(step.1.last().unwrap().1.contains("could not be ended"), "{step:?}");
}
