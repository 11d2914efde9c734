//! Whose sessions have a limit to being idle (row L8): only whom a rule in force certainly covers.

use std::time::Duration;

use countersign_core::login::Groups;
use countersign_core::policy::{Matcher, Mode, Policy, Requirement};

use crate::people::{from, person, policy, request, rule, strings};

const LIMIT: Duration = Duration::from_hours(4);
const OTHER: Duration = Duration::from_hours(1);

/// Students may be idle for four hours, all others for one.
fn limited() -> Policy {
    let matcher = Matcher { groups: strings(&["students"]), ..Matcher::default() };
    let mut students = rule("students", Requirement::Always, matcher);
    students.idle_timeout = Some(LIMIT);
    let mut policy = policy(vec![students]);
    policy.default.idle_timeout = Some(OTHER);
    policy
}

/// The limit of alice, whose groups are told like this.
fn limit(policy: &Policy, groups: Groups) -> Option<Duration> {
    let mut person = person("alice", 1000, &[]);
    person.groups = groups;
    policy.decide(&request(person, "sshd", from("198.51.100.7"))).idle_limit()
}

fn student() -> Groups {
    Groups::Complete(strings(&["students"]))
}

#[test]
fn the_deciding_rule_has_the_limit() {
    assert_eq!(limit(&limited(), student()), Some(LIMIT));
    assert_eq!(limit(&limited(), Groups::Complete(Vec::new())), Some(OTHER));
}

#[test]
fn nobody_is_under_a_limit_by_a_watched_rule_a_switch_that_is_off_or_incomplete_groups() {
    let (mut watched, mut off) = (limited(), limited());
    watched.rules[0].mode = Mode::Monitor;
    off.is_enabled = false;
    assert_eq!(limit(&watched, student()), None);
    assert_eq!(limit(&off, student()), None);
    assert_eq!(limit(&limited(), Groups::Incomplete(Vec::new())), None);
}

#[test]
fn the_shortest_limit_is_of_all_rules_and_of_none_while_it_is_off() {
    let mut policy = limited();
    assert_eq!(policy.shortest_idle_limit(), Some(OTHER));
    policy.default.idle_timeout = None;
    assert_eq!(policy.shortest_idle_limit(), Some(LIMIT));
    policy.is_enabled = false;
    assert_eq!(policy.shortest_idle_limit(), None);
    assert_eq!(crate::people::policy(Vec::new()).shortest_idle_limit(), None);
}
