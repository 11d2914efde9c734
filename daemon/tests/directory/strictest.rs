//! Whatever becomes of the name service, nobody has an easier rule than when it answers (row P10).

use std::cell::Cell;

use countersign_core::account::HostId;
use countersign_core::login::{
    Existence, FirstFactor, Groups, Host, LoginRequest, Person, Phase, Source, SshFacts,
};
use countersign_core::policy::{Certainty, Decision, Policy, Requirement};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use super::{GROUP_IS_ASKED, known, probed_by};
use crate::room::Room;

/// Policies as administrators write them, with groups of the scripted backend in place of theirs.
const EXAMPLES: [&str; 5] = [
    include_str!("../../../config/examples/administrators.toml"),
    include_str!("../../../config/examples/at-login.toml"),
    include_str!("../../../config/examples/hosts.toml"),
    include_str!("../../../config/examples/invited.toml"),
    GROUP_IS_ASKED,
];
const THEIR_GROUPS: [(&str, &str); 4] =
    [("sudo", "g1"), ("wheel", "g2"), ("staff", "g3"), ("students", "g4")];

/// How strict what a rule demands is.
fn strictness(decision: &Decision) -> u8 {
    match decision.require {
        Requirement::Never => 0,
        Requirement::Enrolled => 1,
        Requirement::Chosen => 2,
        Requirement::Always => 3,
    }
}

fn policies() -> Vec<Policy> {
    let adapted = |text: &str| {
        THEIR_GROUPS.iter().fold(text.to_owned(), |text, (theirs, ours)| {
            let is_groups = |line: &str| line.starts_with("groups = ");
            let lines = text.lines().map(|line| {
                if is_groups(line) {
                    line.replace(&format!("\"{theirs}\""), &format!("\"{ours}\""))
                } else {
                    line.to_owned()
                }
            });
            lines.collect::<Vec<_>>().join("\n")
        })
    };
    let read = |text| {
        countersign_config::interpret(&[("countersign.toml".to_owned(), adapted(text))]).unwrap().policy
    };
    EXAMPLES.into_iter().map(read).collect()
}

/// Logins of the person, by every service and from every kind of place that the examples tell apart.
fn logins(person: &Person) -> Vec<LoginRequest> {
    let services = ["sshd", "sudo", "gdm-password", "cron"];
    let sources = [Source::Local, Source::Unknown, Source::Address("10.20.0.7".parse().unwrap())];
    let login = |service: &str, source| LoginRequest {
        person: person.clone(),
        service: service.to_owned(),
        phase: Phase::Auth,
        source,
        tty: None,
        ssh: SshFacts::default(),
        requesting_uid: None,
        caller_uid: 0,
        first_factor: FirstFactor::Settled,
        session: None,
        fresh: None,
        host: Host { name: "web1".to_owned(), id: HostId::try_from("h1").unwrap() },
        language: None,
    };
    services.into_iter().flat_map(|service| sources.map(|source| login(service, source))).collect()
}

#[derive(Debug, Clone)]
struct Trouble {
    user: &'static str,
    groups: usize,
    passwd: &'static str,
    initgroups: &'static str,
    group: &'static str,
    service: &'static str,
}

/// A backend that knows of no groups while it answers on its socket lies; all other trouble is to be seen through.
fn trouble() -> impl Strategy<Value = Trouble> {
    let all = || prop::sample::select(vec!["ok", "interrupted", "refused", "down", "range", "mute"]);
    let user = prop::sample::select(vec!["d1", "local"]);
    let service = prop::sample::select(vec!["answers", "stopped", "dead"]);
    (user, 0_usize..6, all(), all(), all(), service)
        .prop_map(|(user, groups, passwd, initgroups, group, service)| Trouble {
            user,
            groups,
            passwd,
            initgroups,
            group,
            service,
        })
        .prop_filter("an honest backend", |trouble| {
            trouble.service != "answers" || trouble.initgroups != "mute"
        })
}

#[test]
fn no_failure_of_the_name_service_gives_anybody_an_easier_rule() {
    let Some(room) = Room::enter("strictest::no_failure_of_the_name_service_gives_anybody_an_easier_rule")
    else {
        return;
    };
    let (_alive, _stopped) = (room.answer_on("answers"), room.listen_on("stopped"));
    let policies = policies();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let services = ["answers", "stopped", "dead"].map(|service| (service, probed_by(&room, service)));
    let at = |service: &str| {
        services.iter().find(|(name, _)| *name == service).map(|(_, directory)| directory).unwrap()
    };
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let hardened = Cell::new(0);
    let told = runner.run(&trouble(), |trouble| {
        let Trouble { user, groups, passwd, initgroups, group, service } = trouble;
        room.script(&format!("groups {groups}\n"));
        let truth = runtime.block_on(known(at("answers"), user));
        prop_assert!(matches!(truth.groups, Groups::Complete(_)));
        room.script(&format!("groups {groups}\npasswd {passwd}\ninitgroups {initgroups}\ngroup {group}\n"));
        match runtime.block_on(at(service).person(user)) {
            Ok(person) if person.existence != Existence::Unknown => {
                policies.iter().try_for_each(|policy| is_no_easier(policy, &truth, &person, &hardened))
            }
            // Refused, or asked and never let in.
            Ok(_) | Err(_) => Ok(()),
        }
    });
    told.unwrap();
    assert!(hardened.get() > 100, "hardly any login was decided by the strictest rule");
}

fn is_no_easier(policy: &Policy, truth: &Person, person: &Person, hardened: &Cell<u32>) -> TestCaseResult {
    for (true_login, login) in logins(truth).iter().zip(logins(person)) {
        let (should, is) = (policy.decide(true_login), policy.decide(&login));
        if is.certainty == Certainty::Certain {
            prop_assert_eq!(is, should);
            continue;
        }
        hardened.set(hardened.get() + 1);
        prop_assert!(strictness(&is) >= strictness(&should), "{is:?} in place of {should:?}");
        prop_assert!(is.skip.is_none() && is.remember.is_none() && is.fresh_for.is_none());
        prop_assert!(is.accept.is_empty());
    }
    Ok(())
}
