//! What is wrong with a file on one host: names that nobody has there, and protected groups that its rules forget.

use std::cell::RefCell;

use countersign_config::{Known, NAMES_LIMIT, Names, Reader, Severity, check, check_with, interpret};

use crate::diagnostics::assert_golden;
use crate::folder::{Folder, MINIMAL};

/// A host with these users and groups.
#[derive(Default)]
pub(crate) struct Host {
    users: Vec<&'static str>,
    groups: Vec<&'static str>,
    name: Option<&'static str>,
    services: Option<Vec<&'static str>>,
    sshd: Option<&'static str>,
    fails: bool,
    asked: RefCell<Vec<String>>,
}

impl Host {
    fn answer(&self, name: &str, known: &[&str]) -> Known {
        self.asked.borrow_mut().push(name.to_owned());
        match (self.fails, known.contains(&name)) {
            (true, _) => Known::Unknown,
            (false, true) => Known::Yes,
            (false, false) => Known::No,
        }
    }
}

impl Names for Host {
    fn user(&self, name: &str) -> Known {
        self.answer(name, &self.users)
    }

    fn group(&self, name: &str) -> Known {
        self.answer(name, &self.groups)
    }

    fn sshd_for_root(&self) -> Option<String> {
        self.sshd.map(str::to_owned)
    }

    fn services(&self) -> Option<Vec<String>> {
        Some(self.services.as_ref()?.iter().map(|name| (*name).to_owned()).collect())
    }

    fn hosts(&self) -> Vec<String> {
        self.name.into_iter().flat_map(|name| name.split(' ')).map(str::to_owned).collect()
    }
}

/// A host as Debian sets one up.
pub(crate) fn debian() -> Host {
    Host { users: vec!["root", "alice"], groups: vec!["root", "sudo", "staff"], ..Host::default() }
}

fn messages_on(host: &Host, text: &str) -> Vec<String> {
    let found = check_with(&Folder::new(text).main(), None, &Reader::ThisProcess, host);
    assert!(found.iter().all(|found| found.severity != Severity::Error), "{found:#?}");
    let warnings = found.into_iter().filter(|found| found.severity == Severity::Warning);
    warnings.map(|found| found.message).collect()
}

fn rule(name: &str, lines: &str) -> String {
    format!("[[policy]]\nname = \"{name}\"\n{lines}\n")
}

#[test]
fn what_is_odd_about_a_file_on_a_host_is_reported_with_its_place_and_what_to_write() {
    let found = check_with("tests/mistakes/oddities.toml".as_ref(), None, &Reader::ThisProcess, &debian());
    assert!(found.iter().all(|found| found.severity != Severity::Error), "{found:#?}");
    assert_golden(&found, "oddities.txt");
}

#[test]
fn users_and_groups_that_the_host_does_not_have_are_warned_of_where_it_is_certain() {
    let text = format!(
        "{}{}{MINIMAL}",
        rule("a", "users = [\"alice\", \"alcie\"]\nrequire = \"enrolled\""),
        rule("b", "groups = [\"studens\"]\nrequire = \"enrolled\"")
    );
    let missing = [
        "there is no user `alcie` on this host",
        "rule `b` matches nobody: there is no group `studens` on this host",
    ];
    assert_eq!(messages_on(&debian(), &text), missing);
    let failing = Host { fails: true, ..debian() };
    assert_eq!(messages_on(&failing, &text), Vec::<String>::new());
    assert_eq!(check(&Folder::new(&text).main(), None), Vec::new());
    assert_eq!(interpret(&[("main.toml".to_owned(), text)]).unwrap().warnings, Vec::new());
}

#[test]
fn a_usual_group_that_a_system_calls_otherwise_is_no_mistake_beside_one_that_exists() {
    let of = |groups: &str| {
        messages_on(
            &debian(),
            &format!("{}{MINIMAL}", rule("r", &format!("groups = [{groups}]\nrequire = \"always\""))),
        )
    };
    assert_eq!(of("\"sudo\", \"wheel\""), Vec::<String>::new());
    let alone = "rule `r` matches nobody: there is no group `wheel` on this host";
    assert!(of("\"wheel\"").contains(&alone.to_owned()));
    assert_eq!(of("\"sudo\", \"whele\""), ["there is no group `whele` on this host"]);
}

#[test]
fn names_of_rules_for_other_hosts_are_not_asked_for() {
    let text =
        format!("{}{MINIMAL}", rule("r", "hosts = [\"db*\"]\nusers = [\"dba\"]\nrequire = \"enrolled\""));
    for (name, warnings) in [
        (None, 0),
        (Some("web1"), 0),
        (Some("db1"), 1),
        (Some("DB1.example.org"), 1),
        (Some("web1 db1.example.org"), 1),
    ] {
        let host = Host { name, ..debian() };
        assert_eq!(messages_on(&host, &text).len(), warnings, "{name:?}");
    }
}

#[test]
fn a_rule_that_is_for_no_name_of_this_host_says_which_names_it_has() {
    let text = format!("{}{MINIMAL}", rule("r", "hosts = [\"*.example.org\"]\nrequire = \"always\""));
    let notes = |name| {
        let found =
            check_with(&Folder::new(&text).main(), None, &Reader::ThisProcess, &Host { name, ..debian() });
        let notes = found.into_iter().filter(|found| found.severity == Severity::Note);
        notes.map(|found| found.message).filter(|message| message.contains("this host")).collect::<Vec<_>>()
    };
    assert_eq!(notes(Some("web1")), ["rule `r` is not for this host: it is `web1`"]);
    let both = ["rule `r` is not for this host: it is `web1` and `web1.example.net`"];
    assert_eq!(notes(Some("web1 web1.example.net")), both);
    assert_eq!(notes(Some("web1 web1.example.org")), [""; 0]);
    assert_eq!(notes(None), [""; 0]);
}

#[test]
fn a_service_that_this_host_lacks_is_a_warning_with_the_nearest_one_that_it_has() {
    let host = || Host { services: Some(vec!["login", "sshd", "sudo", "sudo-i"]), ..debian() };
    let found = |services: &str| {
        let text =
            format!("{}{MINIMAL}", rule("r", &format!("services = [{services}]\nrequire = \"always\"")));
        let found = check_with(&Folder::new(text).main(), None, &Reader::ThisProcess, &host());
        found
            .into_iter()
            .find(|found| found.message.contains("service"))
            .map(|found| (found.severity, found.help.unwrap()))
    };
    let (severity, help) = found("\"sudo -i\"").unwrap();
    assert_eq!((severity, help.starts_with("write \"sudo-i\"")), (Severity::Error, true), "{help}");
    let (severity, help) = found("\"sudo--i\"").unwrap();
    assert_eq!((severity, help.starts_with("write \"sudo-i\"")), (Severity::Warning, true), "{help}");
    let (severity, _) = found("\"openvpn\"").unwrap();
    assert_eq!(severity, Severity::Warning);
    assert_eq!(found("\"sshd\", \"login\", \"dovecot\""), None, "mail servers of the fleet have that one");
}

#[test]
fn a_rule_that_locks_root_out_of_ssh_is_warned_of_where_sshd_does_not_ask_root() {
    let administrators = rule("administrators", "groups = [\"root\", \"sudo\"]\nrequire = \"always\"");
    let keys = rule("keys", "users = [\"root\"]\nservices = [\"sshd\"]\nrequire = \"never\"");
    let warned = |text: String, sshd| {
        let host = Host { sshd, ..debian() };
        messages_on(&host, &format!("{text}{MINIMAL}"))
            .iter()
            .any(|message| message.contains("locks root out"))
    };
    let kept = Some("permitrootlogin without-password\nusepam yes");
    assert!(warned(administrators.clone(), kept));
    assert!(!warned(administrators.clone(), Some("permitrootlogin yes")));
    assert!(!warned(administrators.clone(), None), "nobody knows");
    assert!(!warned(format!("{keys}{administrators}"), kept));
    let eased = |sshd| {
        let host = Host { sshd, ..debian() };
        messages_on(&host, &format!("{keys}{administrators}{MINIMAL}"))
            .iter()
            .any(|message| message.contains("no code"))
    };
    assert!(!eased(kept) && !eased(None), "the rule that is suggested is not warned of");
    assert!(eased(Some("permitrootlogin yes")), "a password of root is enough then");
    let all = "[default]\nrequire = \"always\"\n";
    let host = Host { sshd: kept, ..debian() };
    assert!(messages_on(&host, all).iter().any(|message| message.contains("locks root out")));
}

#[test]
fn each_name_is_asked_for_once_and_not_more_than_a_limit() {
    let users = |rule: usize| -> String {
        let names: Vec<String> = (0..1000).map(|number| format!("\"u{rule}-{number}\"")).collect();
        names.join(", ")
    };
    let rules: String = (0..10)
        .map(|n| rule(&format!("r{n}"), &format!("users = [{}]\nrequire = \"enrolled\"", users(n % 7))))
        .collect();
    let host = debian();
    let found = messages_on(&host, &format!("{rules}{MINIMAL}"));
    assert!(found.iter().any(|found| found.contains("not looked up")), "{:?}", found.last());
    let mut asked = host.asked.into_inner();
    assert_eq!(asked.len(), NAMES_LIMIT);
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), NAMES_LIMIT);
}

#[test]
fn a_protected_group_that_does_not_exist_is_warned_of_unless_it_is_a_usual_one() {
    let text = format!("protected_groups = [\"root\", \"wheel\", \"operators\"]\n{MINIMAL}");
    assert_eq!(messages_on(&debian(), &text), ["there is no group `operators` on this host"]);
}

#[test]
fn protected_people_who_are_left_to_the_default_are_warned_of_once_others_have_to_give_a_code() {
    let students = rule("students", "groups = [\"staff\"]\nrequire = \"always\"\nenroll = \"at-login\"");
    let left = "members of `root`, `sudo` are left to this, while `students` asks other people always";
    assert_eq!(messages_on(&debian(), &format!("{students}{MINIMAL}")), [left]);
    for others in [
        rule("administrators", "groups = [\"sudo\"]\nrequire = \"always\""),
        rule("everybody", "services = [\"sudo\", \"sudo-i\", \"su\", \"su-l\"]\nrequire = \"always\""),
    ] {
        assert_eq!(messages_on(&debian(), &format!("{students}{others}{MINIMAL}")), Vec::<String>::new());
    }
    let all = format!("{students}[default]\nrequire = \"always\"\n");
    assert_eq!(messages_on(&debian(), &all), Vec::<String>::new());
    // Nobody is asked yet, or nobody knows whether there are such groups.
    assert_eq!(messages_on(&debian(), MINIMAL), Vec::<String>::new());
    let failing = Host { fails: true, ..debian() };
    assert_eq!(messages_on(&failing, &format!("{students}{MINIMAL}")), Vec::<String>::new());
}

#[test]
fn a_rule_for_everybody_that_eases_is_warned_of_where_no_rule_is_for_protected_people() {
    let easing =
        "[default]\nrequire = \"always\"\nenroll = \"at-login\"\nskip = { allow = true, times = 3 }\n";
    let eased =
        "members of `root`, `sudo` are protected, and no rule is for them; here they can put off setting up";
    assert_eq!(messages_on(&debian(), easing), [eased]);
    let administrators = rule("administrators", "groups = [\"sudo\"]\nrequire = \"always\"");
    assert_eq!(messages_on(&debian(), &format!("{administrators}{easing}")), Vec::<String>::new());
}

/// The examples that leave administrators to `[default]`: each shows one thing, and `administrators.toml` the rule that the
/// warning asks for.
const OF_ONE_THING: [&str; 9] = [
    "at-login.toml",
    "email-only.toml",
    "gammu.toml",
    "hosts.toml",
    "invited.toml",
    "kannel.toml",
    "twilio-voice.toml",
    "twilio.toml",
    "vonage.toml",
];

#[test]
fn the_shipped_file_and_the_examples_raise_no_warning_on_a_host_either() {
    /// A host on which everybody exists.
    struct Everybody;
    impl Names for Everybody {
        fn user(&self, _: &str) -> Known {
            Known::Yes
        }

        fn group(&self, _: &str) -> Known {
            Known::Yes
        }
    }
    let mut files = vec![std::path::PathBuf::from("countersign.toml")];
    files.extend(std::fs::read_dir("examples").unwrap().map(|entry| entry.unwrap().path()));
    let mut left = Vec::new();
    for file in files {
        let mut found = check_with(&file, None, &Reader::ThisProcess, &Everybody);
        found.retain(|found| found.severity != Severity::Note);
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if let [only] = found.as_slice()
            && only.message.contains("are left to this")
        {
            left.push(name);
            continue;
        }
        assert_eq!(found, Vec::new(), "{name}");
    }
    left.sort();
    assert_eq!(left, OF_ONE_THING);
}
