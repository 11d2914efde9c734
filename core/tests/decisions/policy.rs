//! Row P1, P2, P6 and P10: which rule decides, and why the others do not.

use countersign_core::account::RuleName;
use countersign_core::factor::Method;
use countersign_core::login::{Existence, Groups, Origin, Person, Source};
use countersign_core::policy::{
    Certainty, Decision, Enrollment, Matcher, PassedOver, Policy, Requirement, Rule,
};
use proptest::prelude::*;

use crate::people::{account, from, host, network, person, policy, request, rule, stranger, strings};

fn users(names: &[&str]) -> Matcher {
    Matcher { users: strings(names), ..Matcher::default() }
}

fn groups(names: &[&str]) -> Matcher {
    Matcher { groups: strings(names), ..Matcher::default() }
}

fn services(names: &[&str]) -> Matcher {
    Matcher { services: strings(names), ..Matcher::default() }
}

fn networks(texts: &[&str]) -> Matcher {
    Matcher { networks: texts.iter().map(|text| network(text)).collect(), ..Matcher::default() }
}

fn decide(rules: Vec<Rule>, person: Person) -> Decision {
    policy(rules).decide(&request(person, "sshd", from("198.51.100.7")))
}

/// Tells whether one rule with this matcher decides, rather than `[default]`.
fn matches(matcher: Matcher, person: Person, service: &str, source: Source) -> bool {
    let policy = policy(vec![rule("it", Requirement::Always, matcher)]);
    policy.decide(&request(person, service, source)).rule.as_str() == "it"
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = vec![
        rule("others", Requirement::Never, users(&["bob"])),
        rule("first", Requirement::Never, users(&["alice"])),
        rule("second", Requirement::Always, users(&["alice"])),
    ];
    let decision = decide(rules, person("alice", 1000, &[]));
    assert_eq!(decision.rule.as_str(), "first");
    assert_eq!(decision.require, Requirement::Never);
    assert_eq!(decision.certainty, Certainty::Certain);
}

#[test]
fn what_no_rule_matches_is_decided_by_default() {
    let decision = decide(vec![rule("bob", Requirement::Never, users(&["bob"]))], person("alice", 1000, &[]));
    assert_eq!(decision.rule.as_str(), "default");
    assert_eq!(decision.require, Requirement::Enrolled);
}

#[test]
fn an_empty_matcher_matches_everybody() {
    assert!(matches(Matcher::default(), person("alice", 1000, &[]), "sshd", Source::Unknown));
}

#[test]
fn every_condition_of_a_rule_must_hold() {
    let matcher = Matcher {
        users: strings(&["alice"]),
        groups: strings(&["staff", "admins"]),
        services: strings(&["sshd"]),
        networks: vec![network("198.51.100.0/24")],
        origin: Some(Origin::Local),
        ..Matcher::default()
    };
    let alice = person("alice", 1000, &["users", "admins"]);
    let there = from("198.51.100.7");
    assert!(matches(matcher.clone(), alice.clone(), "sshd", there));
    assert!(!matches(matcher.clone(), person("bob", 1001, &["admins"]), "sshd", there));
    assert!(!matches(matcher.clone(), person("alice", 1000, &["users"]), "sshd", there));
    assert!(!matches(matcher.clone(), alice.clone(), "sudo", there));
    assert!(!matches(matcher.clone(), alice.clone(), "sshd", from("203.0.113.1")));
    let existence = Existence::Known { uid: 1000, origin: Origin::Directory };
    assert!(!matches(matcher, Person { existence, ..alice }, "sshd", there));
}

#[test]
fn names_match_whole_and_exactly() {
    let alice = person("alice", 1000, &["staff"]);
    for near in ["Alice", "alic", "alice2", "*", "alice "] {
        assert!(!matches(users(&[near]), alice.clone(), "sshd", Source::Local), "{near:?}");
    }
    assert!(!matches(groups(&["staf"]), alice.clone(), "sshd", Source::Local));
    assert!(!matches(services(&["ssh"]), alice, "sshd", Source::Local));
}

#[test]
fn mapped_ipv6_is_ipv4_in_sources_and_in_networks() {
    let alice = person("alice", 1000, &[]);
    for range in ["10.20.0.0/16", "::ffff:10.20.0.0/112"] {
        for source in ["10.20.3.4", "::ffff:10.20.3.4"] {
            assert!(matches(networks(&[range]), alice.clone(), "sshd", from(source)), "{source} in {range}");
        }
        for source in ["10.21.3.4", "::ffff:10.21.3.4", "2001:db8::1"] {
            assert!(!matches(networks(&[range]), alice.clone(), "sshd", from(source)), "{source} in {range}");
        }
    }
    assert!(matches(networks(&["2001:db8::/32"]), alice.clone(), "sshd", from("2001:db8::1")));
    assert!(
        !matches(networks(&["::/0"]), alice, "sshd", from("10.20.3.4")),
        "IPv4 is not within all of IPv6"
    );
}

#[test]
fn an_unknown_source_matches_no_network_not_even_local() {
    let everywhere = networks(&["local", "0.0.0.0/0", "::/0"]);
    assert!(!matches(everywhere, person("alice", 1000, &[]), "sshd", Source::Unknown));
}

#[test]
fn local_is_a_terminal_of_the_host_and_no_address() {
    let alice = person("alice", 1000, &[]);
    assert!(matches(networks(&["local"]), alice.clone(), "login", Source::Local));
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        assert!(!matches(networks(&["local"]), alice.clone(), "login", from(address)), "{address}");
    }
    assert!(!matches(networks(&["127.0.0.0/8"]), alice, "login", Source::Local));
}

fn with_incomplete(groups: &[&str]) -> Person {
    Person { groups: Groups::Incomplete(strings(groups)), ..person("alice", 1000, &[]) }
}

#[test]
fn with_incomplete_groups_the_strictest_rule_that_could_apply_decides() {
    let rules = vec![
        rule("exempt", Requirement::Never, groups(&["bots"])),
        rule("admins", Requirement::Always, groups(&["admins"])),
        rule("all", Requirement::Enrolled, Matcher::default()),
    ];
    let decision = decide(rules.clone(), with_incomplete(&[]));
    assert_eq!(decision.rule.as_str(), "admins");
    assert_eq!(decision.certainty, Certainty::StrictestOfIncomplete);
    assert_eq!(decide(rules, person("alice", 1000, &[])).rule.as_str(), "all");
}

#[test]
fn with_incomplete_groups_a_group_that_is_known_still_matches() {
    let rules = vec![
        rule("exempt", Requirement::Never, groups(&["bots"])),
        rule("admins", Requirement::Always, groups(&["admins"])),
    ];
    let decision = decide(rules, with_incomplete(&["bots"]));
    assert_eq!(decision.rule.as_str(), "exempt");
    assert_eq!(decision.certainty, Certainty::Certain);
}

#[test]
fn with_incomplete_groups_a_rule_that_fails_otherwise_cannot_apply() {
    let elsewhere = Matcher { services: strings(&["sudo"]), ..groups(&["admins"]) };
    let decision = decide(vec![rule("sudo", Requirement::Always, elsewhere)], with_incomplete(&[]));
    assert_eq!(decision.rule.as_str(), "default");
    assert_eq!(decision.certainty, Certainty::Certain);
}

#[test]
fn among_equally_strict_rules_fewer_ways_of_enrolling_then_the_earlier_decides() {
    let open = Rule { enroll: Enrollment::AtLogin, ..rule("open", Requirement::Always, groups(&["a"])) };
    let closed = rule("closed", Requirement::Always, groups(&["b"]));
    let later = rule("later", Requirement::Always, groups(&["c"]));
    let decision = decide(vec![open, closed, later], with_incomplete(&[]));
    assert_eq!(decision.rule.as_str(), "closed");
}

#[test]
fn an_unknown_person_is_not_exempt_by_group_or_origin_but_asked_like_the_enrolled() {
    let local = Matcher { origin: Some(Origin::Local), ..Matcher::default() };
    let rules = vec![
        rule("bots", Requirement::Never, groups(&["bots"])),
        rule(
            "directory",
            Requirement::Never,
            Matcher { origin: Some(Origin::Directory), ..Matcher::default() },
        ),
        rule("local", Requirement::Enrolled, local),
        rule("all", Requirement::Never, Matcher::default()),
    ];
    let decision = decide(rules, stranger("nobody-here"));
    assert_eq!(decision.rule.as_str(), "local");
    assert_eq!(decision.require, Requirement::Enrolled);
}

#[test]
fn a_rule_by_name_service_or_network_holds_for_unknown_people_too() {
    let elsewhere = Matcher { services: strings(&["sudo"]), ..Matcher::default() };
    let rules = vec![
        rule("sudo", Requirement::Always, elsewhere),
        rule("net", Requirement::Never, networks(&["198.51.100.0/24"])),
    ];
    assert_eq!(decide(rules, stranger("nobody-here")).rule.as_str(), "net");
}

#[test]
fn an_explanation_names_the_condition_that_failed_with_its_values() {
    let rules = vec![
        rule("user", Requirement::Never, users(&["bob"])),
        rule("group", Requirement::Never, groups(&["admins"])),
        rule("service", Requirement::Never, services(&["sudo"])),
        rule("network", Requirement::Never, networks(&["10.0.0.0/8"])),
        rule("origin", Requirement::Never, Matcher { origin: Some(Origin::Directory), ..Matcher::default() }),
        rule("it", Requirement::Always, users(&["alice"])),
        rule("never-reached", Requirement::Never, Matcher::default()),
    ];
    let source = from("198.51.100.7");
    let explanation = policy(rules).explain(&request(person("alice", 1000, &["users"]), "sshd", source));
    let name = |text: &str| RuleName::try_from(text).unwrap();
    let expected = vec![
        (name("user"), PassedOver::User { name: "alice".to_owned(), wanted: strings(&["bob"]) }),
        (name("group"), PassedOver::Group { groups: strings(&["users"]), wanted: strings(&["admins"]) }),
        (name("service"), PassedOver::Service { service: "sshd".to_owned(), wanted: strings(&["sudo"]) }),
        (name("network"), PassedOver::Network { source, wanted: vec![network("10.0.0.0/8")] }),
        (name("origin"), PassedOver::Origin { origin: Origin::Local, wanted: Origin::Directory }),
    ];
    assert_eq!(explanation.decision.rule, name("it"));
    assert_eq!(explanation.passed_over, expected);
}

#[test]
fn an_explanation_tells_that_a_stricter_rule_could_apply() {
    let rules = vec![
        rule("lax", Requirement::Never, groups(&["a"])),
        rule("strict", Requirement::Always, groups(&["b"])),
    ];
    let explanation = policy(rules).explain(&request(with_incomplete(&[]), "sshd", Source::Local));
    let than = || RuleName::try_from("strict").unwrap();
    let passed: Vec<_> =
        explanation.passed_over.iter().map(|(name, reason)| (name.as_str(), reason.clone())).collect();
    let expected = vec![
        ("lax", PassedOver::LessStrict { than: than() }),
        ("default", PassedOver::LessStrict { than: than() }),
    ];
    assert_eq!(passed, expected);
}

#[test]
fn a_method_may_be_enrolled_where_some_rule_asks_for_it() {
    let alice = person("alice", 1000, &["staff"]);
    let never = |matcher| rule("never", Requirement::Never, matcher);
    assert!(policy(vec![]).allows_enrollment(&alice, &host(), Method::Totp));
    assert!(!policy(vec![never(users(&["alice"]))]).allows_enrollment(&alice, &host(), Method::Totp));
    assert!(policy(vec![never(users(&["bob"]))]).allows_enrollment(&alice, &host(), Method::Totp));
    let only_cron = Matcher { services: strings(&["cron"]), ..users(&["alice"]) };
    assert!(policy(vec![never(only_cron)]).allows_enrollment(&alice, &host(), Method::Totp));
    let nameless = Rule { methods: Vec::new(), ..rule("it", Requirement::Always, users(&["alice"])) };
    assert!(!policy(vec![nameless]).allows_enrollment(&alice, &host(), Method::Totp));
}

#[test]
fn the_last_factor_is_needed_where_some_rule_always_asks() {
    let alice = person("alice", 1000, &["staff"]);
    let sudo = Matcher { services: strings(&["sudo"]), ..groups(&["staff"]) };
    let always = |matcher| policy(vec![rule("it", Requirement::Always, matcher)]);
    assert!(always(sudo).needs_factor(&alice, &host(), &account("alice")));
    assert!(!always(groups(&["admins"])).needs_factor(&alice, &host(), &account("alice")));
    assert!(
        always(groups(&["admins"])).needs_factor(&with_incomplete(&[]), &host(), &account("alice")),
        "it could cover them"
    );
    assert!(!policy(vec![]).needs_factor(&alice, &host(), &account("alice")));
    let exempt = rule("exempt", Requirement::Never, users(&["alice"]));
    let shadowed = policy(vec![exempt, rule("all", Requirement::Always, Matcher::default())]);
    assert!(
        !shadowed.needs_factor(&alice, &host(), &account("alice")),
        "a rule that never gets its turn needs nothing"
    );
}

#[test]
fn a_rule_holds_on_hosts_whose_names_fit_a_pattern() {
    let on = |pattern: &str, name: &str| {
        let matcher = Matcher { hosts: strings(&["nowhere", pattern]), ..Matcher::default() };
        let mut request = request(person("alice", 1000, &[]), "sshd", Source::Unknown);
        name.clone_into(&mut request.host.name);
        policy(vec![rule("it", Requirement::Always, matcher)]).decide(&request).rule.as_str() == "it"
    };
    for (pattern, name) in [
        ("lab1", "lab1"),
        ("*", "lab1"),
        ("*", ""),
        ("web*", "web1.example.org"),
        ("*.example.org", "web1.Example.org"),
        ("web?.example.org", "web1.example.org"),
        ("**1*", "lab1"),
        ("l?b*", "lab1"),
    ] {
        assert!(on(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("lab", "lab1"),
        ("lab?", "lab"),
        ("?", ""),
        ("*.example.org", "example.org"),
        ("b*", "lab1"),
        ("", "lab1"),
    ] {
        assert!(!on(pattern, name), "{pattern} {name}");
    }
    let stars = "*a".repeat(200);
    assert!(!on(&stars, &"a".repeat(199)), "and the work is bounded");
}

#[test]
fn a_rule_holds_for_people_of_a_directory_whose_name_or_realm_is_of_its_domain() {
    let of_domain = |name: &str, realm: &str, existence: Existence| {
        let matcher = Matcher { domains: strings(&["example.org"]), ..Matcher::default() };
        let mut person = Person { existence, ..person(name, 1000, &[]) };
        person.realm = realm.try_into().unwrap();
        matches(matcher, person, "sshd", Source::Unknown)
    };
    let known = |origin| Existence::Known { uid: 1000, origin };
    assert!(of_domain("alice@Example.org", "sssd", known(Origin::Directory)));
    assert!(of_domain("alice", "EXAMPLE.ORG", known(Origin::Directory)));
    assert!(!of_domain("alice@example.com", "sssd", known(Origin::Directory)));
    assert!(!of_domain("alice@evil.example.org", "sssd", known(Origin::Directory)));
    assert!(
        !of_domain("alice@example.org", "local:1", known(Origin::Local)),
        "a local name is anybody's to choose"
    );
}

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const GROUPS: [&str; 3] = ["staff", "admins", "bots"];
pub(crate) const SERVICES: [&str; 3] = ["sshd", "sudo", "login"];
const RANGES: [&str; 3] = ["local", "10.0.0.0/8", "2001:db8::/32"];
const SOURCES: [&str; 3] = ["10.1.2.3", "2001:db8::9", "203.0.113.1"];

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    proptest::sample::subsequence(of, 0..=of.len()).prop_map(|names| strings(&names))
}

fn any_origin() -> impl Strategy<Value = Origin> {
    prop_oneof![Just(Origin::Local), Just(Origin::Directory)]
}

fn any_matcher() -> impl Strategy<Value = Matcher> {
    let networks = some(&RANGES).prop_map(|texts| texts.iter().map(|text| network(text)).collect());
    (some(&NAMES), some(&GROUPS), some(&SERVICES), networks, proptest::option::of(any_origin())).prop_map(
        |(users, groups, services, networks, origin)| Matcher {
            users,
            groups,
            services,
            networks,
            origin,
            ..Matcher::default()
        },
    )
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let require = prop_oneof![
        Just(Requirement::Always),
        Just(Requirement::Chosen),
        Just(Requirement::Enrolled),
        Just(Requirement::Never)
    ];
    let enroll =
        prop_oneof![Just(Enrollment::SelfService), Just(Enrollment::AtLogin), Just(Enrollment::Invited)];
    (any_matcher(), require, enroll)
        .prop_map(|(matcher, require, enroll)| Rule { enroll, ..rule("unnamed", require, matcher) })
}

pub(crate) fn any_policy() -> impl Strategy<Value = Policy> {
    proptest::collection::vec(any_rule(), 0..8).prop_map(|mut rules| {
        for (position, rule) in rules.iter_mut().enumerate() {
            rule.name = RuleName::try_from(format!("rule-{position}")).unwrap();
        }
        policy(rules)
    })
}

pub(crate) fn any_source() -> impl Strategy<Value = Source> {
    prop_oneof![
        Just(Source::Local),
        Just(Source::Unknown),
        proptest::sample::select(&SOURCES[..]).prop_map(from),
    ]
}

pub(crate) fn any_person() -> impl Strategy<Value = Person> {
    (proptest::sample::select(&NAMES[..]), some(&GROUPS), any_origin()).prop_map(|(name, groups, origin)| {
        Person {
            existence: Existence::Known { uid: 1000, origin },
            groups: Groups::Complete(groups),
            ..person(name, 1000, &[])
        }
    })
}

/// The reading of row P1 in one sentence: every list is empty or holds the value.
fn plainly_matches(matcher: &Matcher, person: &Person, service: &str, source: Source) -> bool {
    let Existence::Known { origin, .. } = person.existence else { return false };
    let holds = |list: &[String], value: &str| list.is_empty() || list.iter().any(|name| name == value);
    holds(&matcher.users, person.name.as_str())
        && holds(&matcher.services, service)
        && (matcher.groups.is_empty()
            || matcher.groups.iter().any(|group| person.groups.names().contains(group)))
        && (matcher.networks.is_empty() || matcher.networks.iter().any(|network| network.contains(source)))
        && matcher.origin.is_none_or(|wanted| wanted == origin)
}

fn demand(decision: &Decision) -> (u8, u8) {
    let require = match decision.require {
        Requirement::Never => 0,
        Requirement::Enrolled => 1,
        Requirement::Chosen => 2,
        Requirement::Always => 3,
    };
    let enroll = match decision.enroll {
        Enrollment::AtLogin => 0,
        Enrollment::SelfService => 1,
        Enrollment::Invited => 2,
    };
    (require, enroll)
}

proptest! {
    #[test]
    fn decide_is_total_and_takes_the_first_match(
        policy in any_policy(), person in any_person(), source in any_source(),
        service in proptest::sample::select(&SERVICES[..]),
    ) {
        let request = request(person.clone(), service, source);
        let decision = policy.decide(&request);
        let first = policy.rules.iter().find(|rule| plainly_matches(&rule.matcher, &person, service, source));
        prop_assert_eq!(&decision.rule, &first.unwrap_or(&policy.default).name);
        prop_assert_eq!(decision.certainty, Certainty::Certain);
        prop_assert_eq!(policy.explain(&request).decision, decision);
    }

    #[test]
    fn not_knowing_groups_never_makes_a_login_easier(
        policy in any_policy(), person in any_person(), source in any_source(), known in 0_usize..4,
        service in proptest::sample::select(&SERVICES[..]),
    ) {
        let told = person.groups.names().iter().take(known).cloned().collect();
        let uncertain = Person { groups: Groups::Incomplete(told), ..person.clone() };
        let full = policy.decide(&request(person, service, source));
        let partial = policy.decide(&request(uncertain, service, source));
        prop_assert!(demand(&partial) >= demand(&full), "{:?} < {:?}", partial, full);
    }

    #[test]
    fn an_unknown_person_is_asked_at_least_what_anybody_of_that_name_is(
        policy in any_policy(), person in any_person(), source in any_source(),
        service in proptest::sample::select(&SERVICES[..]),
    ) {
        let unknown = stranger(person.name.as_str());
        let known = policy.decide(&request(person, service, source));
        let asked = policy.decide(&request(unknown, service, source));
        prop_assert!(demand(&asked) >= demand(&known), "{:?} < {:?}", asked, known);
    }

    #[test]
    fn whoever_is_always_asked_somewhere_needs_a_factor_and_may_enroll(
        policy in any_policy(), person in any_person(), source in any_source(),
        service in proptest::sample::select(&SERVICES[..]),
    ) {
        let decision = policy.decide(&request(person.clone(), service, source));
        if decision.require == Requirement::Always {
            prop_assert!(policy.needs_factor(&person, &host(), &account("alice")));
        }
        if decision.require != Requirement::Never {
            prop_assert!(policy.allows_enrollment(&person, &host(), Method::Totp));
        }
    }
}
