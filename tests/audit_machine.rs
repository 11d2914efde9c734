//! The audit of a running machine (row H9): what is recorded, who sees it at once, and what shows where it was touched.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{CLIENT, Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, enroll, gets_in, is_in, knock, write_down};
use countersign_tests::phone::Phone;
use countersign_tests::{caller, site};
use rusqlite::Connection;
use serde_json::Value;

const CONFIGURATION: &str = r#"
[[policy]]
name = "robots"
users = ["rob", "ghost"]
require = "never"

[[policy]]
name = "watched"
users = ["mia"]
require = "always"
enroll = "at-login"
mode = "monitor"

[[policy]]
name = "people"
users = ["ann"]
require = "always"
enroll = "at-login"

[default]
require = "enrolled"
"#;

/// Within that a follower has seen a login that has ended.
const AT_ONCE: Duration = Duration::from_secs(2);

/// What of a record the log has as well, in the order of a line.
const FIELDS: [&str; 16] = [
    "event",
    "user",
    "actor",
    "login_uid",
    "login_name",
    "service",
    "source",
    "tty",
    "rule",
    "verdict",
    "factor",
    "attempts",
    "reason",
    "change",
    "would",
    "would_because",
];

fn machine() -> Machine {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    for user in ["ann", "mia", "rob"] {
        machine.add_user(user, PASSWORD, &[]).unwrap();
    }
    machine.add_user("hal", PASSWORD, &["countersign-helpdesk"]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine
}

/// Logs in whom nobody asks.
fn walks_in(machine: &Machine, user: &str) {
    let mut login = knock(machine, user).unwrap();
    is_in(&mut login).unwrap();
    assert!(!login.transcript().contains("Code"), "{}", login.transcript());
}

fn records(machine: &Machine) -> Vec<Value> {
    let lines = machine.run_ok(&["countersign", "audit", "--json"]).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a record says under the name that the log gives it.
fn of<'a>(record: &'a Value, name: &str) -> &'a Value {
    match name {
        "user" => &record["subject"]["user"],
        "service" | "source" | "tty" => &record["login"][name],
        _ => &record[name],
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

/// Finds the one kind of record that says all of this.
fn has(records: &[Value], wanted: &[(&str, &str)]) {
    let is_it = |record: &&Value| wanted.iter().all(|(name, value)| text(of(record, name)) == *value);
    let same: Vec<&Value> = records.iter().filter(|record| of(record, "event") == wanted[0].1).collect();
    assert!(records.iter().any(|record| is_it(&record)), "no {wanted:?} in {same:#?}");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn every_outcome_and_every_change_says_who_when_where_why_by_which_rule_and_how() {
    let begun = now();
    let machine = machine();
    let (mut phone, _) = enroll(&machine, "ann").unwrap();
    gets_in(&machine, "ann", &mut phone).unwrap();
    knock(&machine, "ann").unwrap().expect("Code: ", SOON).unwrap();
    // sshd notices in its own time that the client left; what follows is not to get in between.
    let is_recorded =
        |machine: &Machine| Ok(records(machine).iter().any(|record| record["event"] == "login-abandoned"));
    machine.wait_until("the login that was left is recorded", SOON, is_recorded).unwrap();
    lock(&machine, &phone);
    let locked = knock(&machine, "ann").unwrap().expect("Too many wrong codes.", SOON).is_ok();
    walks_in(&machine, "rob");
    walks_in(&machine, "mia");
    let claims = [("service", "sshd"), ("ssh_connection", "203.0.113.9 50022 192.0.2.1 22")];
    assert_eq!(caller::begin(&machine, "root", "ghost", &claims).unwrap(), "deny");
    acts_of_the_helpdesk_and_of_root(&machine);
    let codes = own_backup_codes(&machine, &mut phone);
    assert!(locked && codes == 10);

    let records = records(&machine);
    let who_and_where = [("user", "ann"), ("actor", "self"), ("service", "sshd"), ("source", CLIENT)];
    for (event, more) in [
        ("login-allowed", &[("factor", "totp"), ("verdict", "allow")][..]),
        ("login-denied", &[("reason", "wrong-code"), ("verdict", "deny"), ("attempts", "3")]),
        ("login-locked-out", &[("reason", "locked"), ("verdict", "lock-out")]),
        ("login-abandoned", &[("reason", "client-gone")]),
        ("enrollment-completed", &[("factor", "totp")]),
    ] {
        has(&records, &[&[("event", event), ("rule", "people")], &who_and_where[..], more].concat());
    }
    let skipped = [("event", "login-skipped"), ("verdict", "skip"), ("source", CLIENT)];
    has(&records, &[&skipped[..], &[("user", "rob"), ("rule", "robots"), ("reason", "exempt")]].concat());
    let watched = [("user", "mia"), ("rule", "watched"), ("reason", "monitored"), ("would", "enroll")];
    has(&records, &[&skipped[..], &watched].concat());
    let unknown =
        [("user", "ghost"), ("source", "203.0.113.9"), ("rule", "robots"), ("reason", "unknown-person")];
    has(&records, &[&[("event", "login-denied")], &unknown[..]].concat());
    let hal = format!("uid:{} (hal)", machine.run_ok(&["id", "-u", "hal"]).unwrap().trim());
    for (event, user, actor, reason) in [
        ("user-unlocked", "ann", hal.as_str(), "called in"),
        ("act-refused", "hal", &hal, "oneself"),
        ("user-reset", "rob", "root", "left the company"),
        ("backup-codes-made", "ann", "self", ""),
    ] {
        has(&records, &[("event", event), ("user", user), ("actor", actor), ("reason", reason)]);
    }
    they_are_in_order(&machine, &records, begun);
    who_is_behind_root_is_named(&machine);
    the_role_that_is_wanting_is_named(&machine);
    an_account_that_is_made_again_has_nothing_of_the_old_one(&machine);
}

/// An administrator behind sudo is named beside root.
fn who_is_behind_root_is_named(machine: &Machine) {
    machine.write_file("/etc/sudoers.d/rob", "rob ALL=(root) NOPASSWD: ALL\n", 0o440).unwrap();
    let mut login = knock(machine, "rob").unwrap();
    is_in(&mut login).unwrap();
    login.send_line("sudo -n countersign user unlock mia --reason 'behind sudo'").unwrap();
    login.expect("was not locked", SOON).unwrap();
    let rob = machine.run_ok(&["id", "-u", "rob"]).unwrap();
    let wanted = [("event", "user-unlocked"), ("user", "mia"), ("actor", "root"), ("reason", "behind sudo")];
    has(&records(machine), &[&wanted[..], &[("login_uid", rob.trim()), ("login_name", "rob")]].concat());
    let listed = machine.run_ok(&["countersign", "audit", "--user", "mia"]).unwrap();
    assert!(listed.contains("root (login rob)"), "{listed}");
}

/// Who is refused is told which role is wanting, or that polkit does not run.
fn the_role_that_is_wanting_is_named(machine: &Machine) {
    let said = |who: &str, command: &[&str]| {
        let output = machine.run_as(who, &[&["countersign"], command].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{who} {command:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let show = ["user", "show", "mia"];
    for (who, command, why) in [
        ("hal", &["audit"][..], "Only an administrator can do this."),
        ("hal", &["store", "rotate-key"], "Only root can do this."),
        ("mia", &show, "Only the helpdesk (members of the group countersign-helpdesk)"),
    ] {
        let said = said(who, command);
        let again = format!("sudo countersign {}", command.join(" "));
        assert!(said.contains(why) && said.contains(&again), "{who} {command:?}: {said}");
    }
    machine.run_ok(&["systemctl", "mask", "--runtime", "--now", "polkit.service"]).unwrap();
    let without = said("hal", &show);
    assert!(without.contains("Polkit is not running") && !without.contains("members"), "{without}");
    machine.run_ok(&["systemctl", "unmask", "--runtime", "polkit.service"]).unwrap();
}

/// The hook of the guide: what an account held does not pass to the one that takes its name and its uid.
fn an_account_that_is_made_again_has_nothing_of_the_old_one(machine: &Machine) {
    let guide = include_str!("../docs/guide/administrator.md");
    let script = guide.split("```sh\n").find(|block| block.contains("user reset")).unwrap();
    let script = script.split("```").next().unwrap();
    machine.write_file("/usr/local/sbin/countersign-userdel", script, 0o755).unwrap();
    let hook = "echo 'USERDEL_CMD /usr/local/sbin/countersign-userdel' >>/etc/login.defs";
    machine.run_ok(&["sh", "-c", hook]).unwrap();
    let held = |machine: &Machine| {
        let shown = machine.run_ok(&["countersign", "user", "show", "ann", "--json"]).unwrap();
        serde_json::from_str::<Value>(&shown).unwrap()["factors"].as_array().unwrap().len()
    };
    assert_eq!(held(machine), 1);
    let uid = machine.run_ok(&["id", "-u", "ann"]).unwrap();
    machine.run_ok(&["userdel", "--force", "--remove", "ann"]).unwrap();
    let gone = machine.run_ok(&["countersign", "user", "list", "--csv"]).unwrap();
    assert!(gone.lines().any(|line| line.starts_with("ann,") && line.ends_with(",gone")), "{gone}");
    machine.run_ok(&["useradd", "--uid", uid.trim(), "ann"]).unwrap();
    assert_eq!(held(machine), 0, "the new account has the old one's app");
    machine.run_ok(&["userdel", "--force", "ann"]).unwrap();
    let purge = ["countersign", "user", "purge", "--gone", "--reason", "nightly"];
    assert_eq!(machine.run_ok(&purge).unwrap(), "ann\n");
    has(
        &records(machine),
        &[("event", "user-deleted"), ("user", "ann"), ("actor", "root"), ("change", "gone")],
    );
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// No number is left out, each record has this host and a time of this test, and policy and groups to decide again by.
fn they_are_in_order(machine: &Machine, records: &[Value], begun: u64) {
    let host = machine.run_ok(&["uname", "-n"]).unwrap();
    let mut last = begun;
    for (number, record) in (1..).zip(records) {
        assert_eq!((record["sequence"].as_u64(), record["host"].as_str()), (Some(number), Some(host.trim())));
        let at: jiff::Timestamp = record["at"].as_str().unwrap().parse().unwrap();
        let at = u64::try_from(at.as_second()).unwrap();
        assert!((last..=now()).contains(&at), "{record}");
        last = at;
        if record["login"].is_object() && record["login"]["uid"].is_u64() {
            assert!(record["policy"].is_string() && record["login"]["groups"].is_array(), "{record}");
        }
    }
}

/// Gives five wrong codes.
fn lock(machine: &Machine, phone: &Phone) {
    let wrong = phone.wrong_code().unwrap();
    for tries in [3, 2] {
        let mut login = knock(machine, "ann").unwrap();
        for _ in 0..tries {
            login.expect("Code: ", SOON).unwrap();
            login.send_line(&wrong).unwrap();
        }
        // Refused, and told so where it is the lock.
        drop(login.expect("to close: ", SOON));
    }
}

fn acts_of_the_helpdesk_and_of_root(machine: &Machine) {
    let act = |who: &str, verb: &str, whom: &str, reason: &str| {
        let command = ["countersign", "user", verb, whom, "--reason", reason];
        machine.run_as(who, &command).unwrap().status.success()
    };
    assert!(act("hal", "unlock", "ann", "called in"));
    assert!(!act("hal", "reset", "hal", "my own"));
    assert!(act("root", "reset", "rob", "left the company"));
}

fn own_backup_codes(machine: &Machine, phone: &mut Phone) -> usize {
    let mut renewal = machine.dialogue_as("ann", &["countersign", "backup-codes"]).unwrap();
    renewal.expect("Current code: ", SOON).unwrap();
    renewal.send_line(&phone.unused_code().unwrap()).unwrap();
    let codes = write_down(&mut renewal).unwrap();
    assert_eq!(renewal.exit_status(SOON).unwrap(), 0);
    codes.len()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_follower_sees_a_login_at_once_and_goes_on_through_a_restart() {
    let machine = machine();
    let mut follower =
        machine.dialogue(&["countersign", "audit", "--follow", "--since", "1h", "--json"]).unwrap();
    follower.expect("service-started", SOON).unwrap();
    sees_a_login(&machine, &mut follower, "rob", "exempt");
    machine.run_ok(&["systemctl", "restart", "countersignd.service"]).unwrap();
    follower.expect("service-started", SOON).unwrap();
    sees_a_login(&machine, &mut follower, "mia", "monitored");
    let numbers: Vec<u64> = follower
        .transcript()
        .split("{\"sequence\":")
        .skip(1)
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "each once, in order: {numbers:?}");
}

fn sees_a_login(machine: &Machine, follower: &mut Dialogue, user: &str, reason: &str) {
    walks_in(machine, user);
    let logged_in = Instant::now();
    let seen = follower.expect(&format!("\"{reason}\""), SOON).unwrap();
    assert!(seen.contains(user), "{seen}");
    assert!(logged_in.elapsed() < AT_ONCE, "{:?}", logged_in.elapsed());
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_journal_has_the_same_and_one_record_is_one_line_whatever_the_names_are() {
    let machine = machine();
    let (mut phone, _) = enroll(&machine, "ann").unwrap();
    gets_in(&machine, "ann", &mut phone).unwrap();
    walks_in(&machine, "mia");
    acts_of_the_helpdesk_and_of_root(&machine);
    for user in
        ["eve\nlogin-allowed user=root", "e\" verdict=allow x=\"", "\u{202e}eve", "\u{1b}[2Jeve", "名 前"]
    {
        let tty = "pts/1\" rule=\"robots";
        let claims = [("service", "login\"=x"), ("tty", tty), ("ssh_connection", "x"), ("remote_host", user)];
        // Whether such a name is nobody's or none at all: it is refused.
        let refused = caller::begin(&machine, "root", user, &claims);
        assert!(refused.as_ref().map_or(true, |state| state == "deny" || state == "ask"), "{refused:?}");
    }
    let recorded: Vec<Vec<String>> = records(&machine)
        .iter()
        .map(|record| FIELDS.iter().map(|field| text(of(record, field))).collect())
        .collect();
    let is_there = |machine: &Machine| Ok(journal(machine).len() >= recorded.len());
    machine.wait_until("the journal", SOON, is_there).unwrap();
    for (record, entry) in recorded.iter().zip(journal(&machine)) {
        let fields: Vec<String> = FIELDS
            .iter()
            .map(|field| text(&entry[format!("COUNTERSIGN_{}", field.to_uppercase())]))
            .collect();
        assert_eq!(&fields, record);
        let line = entry["MESSAGE"].as_str().unwrap();
        assert!(line.starts_with(&record[0]), "{line}");
        assert!(line.chars().all(|character| character == ' ' || character.is_ascii_graphic()), "{line}");
        assert_eq!(
            (&entry["SYSLOG_FACILITY"], &entry["SYSLOG_IDENTIFIER"]),
            (&"10".into(), &"countersignd".into())
        );
    }
    let lines = machine.run_ok(&["countersign", "audit"]).unwrap().lines().count();
    assert_eq!(lines, recorded.len() + 1, "a head, and one line each");
    without_the_store_the_journal_alone_has_it(&machine, &mut phone);
}

/// The events in the journal, but for those that are nowhere else.
fn journal(machine: &Machine) -> Vec<Value> {
    let entries = machine.run_ok(&["journalctl", "--quiet", "-t", "countersignd", "-o", "json"]).unwrap();
    let entries = entries.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| entry["COUNTERSIGN_EVENT"].as_str().is_some_and(|id| id != "audit-head")).collect()
}

fn without_the_store_the_journal_alone_has_it(machine: &Machine, phone: &mut Phone) {
    let mut login = knock(machine, "ann").unwrap();
    login.expect("Code: ", SOON).unwrap();
    let busy = store(machine);
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    login.send_line(&phone.unused_code().unwrap()).unwrap();
    assert_ne!(login.exit_status(SOON).unwrap(), 0, "{}", login.transcript());
    drop(busy);
    let is_it = |entry: &Value| {
        entry["COUNTERSIGN_EVENT"] == "login-unavailable" && entry["COUNTERSIGN_USER"] == "ann"
    };
    machine.wait_until("the journal", SOON, |machine| Ok(journal(machine).iter().any(is_it))).unwrap();
}

/// The store, as whoever has the disk opens it.
fn store(machine: &Machine) -> Connection {
    Connection::open(machine.tree().join("var/lib/countersign/countersign.db")).unwrap()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn verification_finds_a_record_that_was_edited_moved_or_removed() {
    let machine = machine();
    for _ in 0..3 {
        walks_in(&machine, "rob");
    }
    let all = records(&machine);
    let number = |at: usize| all[at]["sequence"].as_u64().unwrap();
    let (first, second, last) = (number(all.len() - 3), number(all.len() - 2), number(all.len() - 1));
    assert_eq!(verify(&machine, &[]), (true, None));

    let edit = format!(
        "UPDATE audit SET record = replace(record, 'exempt', 'remembered') WHERE sequence = {first};"
    );
    let back = format!(
        "UPDATE audit SET record = replace(record, 'remembered', 'exempt') WHERE sequence = {first};"
    );
    touch(&machine, &edit);
    assert_eq!(verify(&machine, &[]), (false, Some(first)), "edited");
    touch(&machine, &back);
    assert_eq!(verify(&machine, &[]), (true, None), "as it was");

    let swap = format!(
        "UPDATE audit SET sequence = 1000000 WHERE sequence = {first};
         UPDATE audit SET sequence = {first} WHERE sequence = {second};
         UPDATE audit SET sequence = {second} WHERE sequence = 1000000;"
    );
    touch(&machine, &swap);
    assert_eq!(verify(&machine, &[]), (false, Some(first)), "moved");
    touch(&machine, &swap);

    let keep = format!("CREATE TABLE kept AS SELECT * FROM audit WHERE sequence = {second};");
    touch(&machine, &format!("{keep} DELETE FROM audit WHERE sequence = {second};"));
    assert_eq!(verify(&machine, &[]), (false, Some(second)), "deleted");
    touch(&machine, "INSERT INTO audit SELECT * FROM kept; DROP TABLE kept;");
    assert_eq!(verify(&machine, &[]), (true, None), "as it was");

    the_end_is_known_from_the_log(&machine, last);
}

/// Who removes the end and what the store knows of it is found by what the log says.
fn the_end_is_known_from_the_log(machine: &Machine, last: u64) {
    let head = head_in_the_log(machine);
    assert_eq!(verify(machine, &["--head", &head]), (true, None));
    touch(machine, &format!("DELETE FROM audit WHERE sequence > {last};"));
    assert_eq!(verify(machine, &[]), (false, Some(last + 1)), "the end is missing");
    let cut = format!(
        "DELETE FROM audit WHERE sequence > {last};
         UPDATE meta SET chain_sequence = {last}, chain_head = (SELECT link FROM audit WHERE sequence = {last});"
    );
    touch(machine, &cut);
    assert_eq!(verify(machine, &[]), (true, None), "nothing in the store contradicts it");
    let (whole, broken) = verify(machine, &["--head", &head]);
    assert!(!whole && broken.is_some_and(|broken| broken > last), "{head}: {broken:?}");
}

/// The last end that the log knows.
fn head_in_the_log(machine: &Machine) -> String {
    let selection =
        ["journalctl", "--quiet", "-t", "countersignd", "-o", "json", "COUNTERSIGN_EVENT=audit-head"];
    let entries = machine.run_ok(&selection).unwrap();
    let newest: Value = serde_json::from_str(entries.lines().last().unwrap()).unwrap();
    newest["COUNTERSIGN_REASON"].as_str().unwrap().to_owned()
}

/// Changes the store while the service is away, as whoever has the disk can: its own guards are taken away first.
fn touch(machine: &Machine, change: &str) {
    machine.run_ok(&["systemctl", "stop", "countersignd.socket", "countersignd.service"]).unwrap();
    let store = store(machine);
    let guards: Vec<(String, String)> = store
        .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        .and_then(|mut guards| guards.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .unwrap();
    let take = |(name, _): &(String, String)| format!("DROP TRIGGER {name};");
    let put = |(_, guard): &(String, String)| format!("{guard};");
    let all =
        [guards.iter().map(take).collect(), change.to_owned(), guards.iter().map(put).collect::<String>()];
    store.execute_batch(&all.concat()).unwrap();
    drop(store);
    machine.run_ok(&["systemctl", "start", "countersignd.socket", "countersignd.service"]).unwrap();
}

/// Whether the audit is whole, and the first record that does not fit; the exit code says the same.
fn verify(machine: &Machine, more: &[&str]) -> (bool, Option<u64>) {
    let output = machine.run(&[&["countersign", "audit", "verify", "--json"], more].concat()).unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let whole = found["whole"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!whole)), "{found}");
    (whole, found["broken"].as_u64())
}
