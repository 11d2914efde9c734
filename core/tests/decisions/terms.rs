//! Rows L3, H3 and P2: on what terms people come by a factor, and who needs one.

use std::time::Duration;

use countersign_core::account::{Coverage, RuleName};
use countersign_core::factor::Method;
use countersign_core::policy::{Enrollment, Matcher, Requirement, Rule, Terms};

use crate::people::{account, at, host, person, policy, rule, strings};

fn users(names: &[&str]) -> Matcher {
    Matcher { users: strings(names), ..Matcher::default() }
}

fn groups(names: &[&str]) -> Matcher {
    Matcher { groups: strings(names), ..Matcher::default() }
}

#[test]
fn the_strictest_rule_of_a_person_says_on_what_terms_they_enroll() {
    let alice = person("alice", 1000, &["sudo"]);
    let sudo = Matcher { services: strings(&["sudo"]), ..groups(&["sudo"]) };
    let invited = Rule { enroll: Enrollment::Invited, ..rule("sudo", Requirement::Always, sudo) };
    let lax = Rule { enroll: Enrollment::AtLogin, ..rule("all", Requirement::Always, Matcher::default()) };
    let terms = |rules: Vec<Rule>, method, since: Option<u64>, now| {
        let mut account = account("alice");
        account.coverage =
            since.map(|since| Coverage { rule: RuleName::try_from("all").unwrap(), since: at(since) });
        policy(rules).terms(&alice, &host(), method, &account, at(now))
    };
    let day = 86_400;
    assert_eq!(terms(vec![lax.clone()], Method::Totp, None, day), Terms::Free);
    assert_eq!(terms(vec![invited, lax.clone()], Method::Totp, None, day), Terms::Invitation);
    assert_eq!(terms(vec![lax.clone()], Method::Hotp, None, day), Terms::Closed);
    let week = Rule { enroll_within: Some(Duration::from_secs(7 * day)), ..lax.clone() };
    assert_eq!(terms(vec![week.clone()], Method::Totp, None, 99 * day), Terms::Free, "no login under it yet");
    assert_eq!(terms(vec![week.clone()], Method::Totp, Some(day), 8 * day), Terms::Free);
    assert_eq!(terms(vec![week.clone()], Method::Totp, Some(day), 8 * day + 1), Terms::Invitation);
    let later = Rule { name: RuleName::try_from("new").unwrap(), ..week };
    assert_eq!(
        terms(vec![later.clone()], Method::Totp, Some(day), 99 * day),
        Terms::Free,
        "another rule, a new time"
    );
    let only_cron = Matcher { services: strings(&["cron"]), ..Matcher::default() };
    let still = Rule { matcher: only_cron, ..lax };
    let both = terms(vec![still, later], Method::Totp, Some(day), 99 * day);
    assert_eq!(both, Terms::Invitation, "while the earlier rule still covers the person its time holds");
}

#[test]
fn only_the_chosen_need_a_factor_under_a_rule_for_them() {
    let alice = person("alice", 1000, &[]);
    let policy = policy(vec![rule("it", Requirement::Chosen, users(&["alice"]))]);
    let mut account = account("alice");
    assert!(!policy.needs_factor(&alice, &host(), &account));
    account.chosen = true;
    assert!(policy.needs_factor(&alice, &host(), &account));
    assert!(policy.covers_chosen(&alice, &host()));
    assert!(!policy.covers_chosen(&person("bob", 1001, &[]), &host()));
}
