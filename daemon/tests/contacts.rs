//! What is on file, where codes go and which places are remembered, over the bus: who is told what, and who changes it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::HashMap;
use std::time::Duration;

use countersign_core::account::{Account, RuleName};
use countersign_core::contact::{EmailAddress, PhoneNumber};
use countersign_core::delivery::Recipient;
use countersign_core::factor::{Factor, FactorId, FactorKind, FactorState, Label};
use countersign_core::remember::Remembered;
use countersign_protocol::names::error;
use countersign_protocol::proxies::OwnedFacts;
use zbus::Variant;

use harness::bus::{Bus, admin, helpdesk, number, oneself, switch, text};
use harness::{House, error_name, own_name, wall};

const RULES: &str = "[default]\nrequire = \"enrolled\"\n";
const HOUR: Duration = Duration::from_hours(1);

/// Puts a number on file and a mailbox among the factors, and remembers three places, of which one is over.
fn shape(account: &mut Account) {
    account.contacts.phone = PhoneNumber::try_from("+491712345642").ok();
    let mailbox = EmailAddress::try_from("alice@example.org").unwrap();
    account.factors.push(Factor {
        id: FactorId(7),
        label: Label::try_from("mailbox").unwrap(),
        state: FactorState::Active { since: wall() },
        last_used: None,
        kind: FactorKind::Sent(Recipient::Email(mailbox)),
    });
    let place = |address: &str, until| Remembered {
        address: address.parse().unwrap(),
        service: "sshd".to_owned(),
        key: Some("SHA256:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ".to_owned()),
        rule: RuleName::try_from("default").unwrap(),
        terms: "terms".to_owned(),
        epoch: account.epoch,
        since: wall(),
        until,
    };
    account.remembered =
        vec![place("198.51.100.7", wall().after(HOUR)), place("2001:db8::7", wall().after(HOUR))];
    account.remembered.push(place("192.0.2.1", wall()));
}

async fn settle() -> (House, Bus) {
    let mut house = House::build(RULES);
    house.seed_with(&own_name(), shape).await;
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    (house, bus)
}

fn mailbox(facts: &OwnedFacts) -> OwnedFacts {
    let factors: Vec<OwnedFacts> = facts["factors"].clone().try_into().unwrap();
    factors.into_iter().find(|factor| text(factor, "method") == "email").unwrap()
}

fn with_reason(entries: &[(&'static str, &str)]) -> HashMap<&'static str, Variant<'static>> {
    let mut options = HashMap::from([("reason", Variant::from("form 12"))]);
    options.extend(entries.iter().map(|(key, text)| (*key, Variant::from((*text).to_owned()))));
    options
}

fn is_root() -> bool {
    let is_root = nix::unistd::getuid().is_root();
    if !is_root {
        eprintln!("left out: only root is let through without polkit");
    }
    is_root
}

#[tokio::test]
async fn a_person_sees_their_own_address_whole_and_others_see_it_masked() {
    let (_house, bus) = settle().await;
    let connection = bus.client().await;
    let own = oneself(&connection).await.status().await.unwrap();
    assert_eq!(text(&mailbox(&own), "recipient"), "alice@example.org");
    assert_eq!((text(&own, "phone"), number(&own, "remembered")), ("+491712345642".to_owned(), 2));
    assert!(!own.contains_key("email") && !own.contains_key("skipped"));
    if !is_root() {
        return;
    }
    let shown = helpdesk(&connection).await.show(&own_name()).await.unwrap();
    assert_eq!(text(&mailbox(&shown), "recipient"), "a•••@example.org");
    assert_eq!(text(&shown, "phone"), "•••• 42");
    let (rows, ..) = admin(&connection).await.list_users("", 10).await.unwrap();
    assert_eq!(text(&rows[0], "phone"), "+491712345642", "root's list has what is on file whole");
    assert_eq!(text(&mailbox(&rows[0]), "recipient"), "a•••@example.org", "and the person's own never");
}

#[tokio::test]
async fn remembered_places_are_listed_and_forgotten_one_by_one_or_all() {
    let (_house, bus) = settle().await;
    let connection = bus.client().await;
    let own = oneself(&connection).await;
    let places = own.remembered().await.unwrap();
    let listed: Vec<String> = places.iter().map(|place| text(place, "place")).collect();
    assert_eq!(listed, ["198.51.100.7", "2001:db8::7"]);
    assert_eq!((text(&places[0], "service"), text(&places[0], "rule")), ("sshd".into(), "default".into()));
    assert!(text(&places[0], "key").starts_with("SHA256:"));
    for nowhere in ["192.0.2.1", "203.0.113.5"] {
        assert_eq!(own.forget(nowhere).await, Ok(0), "{nowhere}");
    }
    for wrong in ["host.example.org", "-", "198.51.100.7/24"] {
        assert_eq!(error_name(&own.forget(wrong).await.unwrap_err()), error::INVALID_ARGUMENT, "{wrong}");
    }
    assert_eq!(own.forget("::ffff:198.51.100.7").await, Ok(1));
    assert_eq!(own.remembered().await.unwrap().len(), 1);
    assert_eq!(own.forget("").await, Ok(1));
    assert!(own.remembered().await.unwrap().is_empty());
    assert_eq!(own.forget("").await, Ok(0));
}

#[tokio::test]
async fn what_is_on_file_is_set_and_taken_off_and_what_is_set_up_stays() {
    if !is_root() {
        return;
    }
    let (_house, bus) = settle().await;
    let connection = bus.client().await;
    let helpdesk = helpdesk(&connection).await;
    let name = own_name();
    let set = |entries| helpdesk.set_contact(&name, with_reason(entries));
    let told = set(&[("email", "bob@Example.org"), ("phone", "+49 30 123456")]).await.unwrap();
    assert!(switch(&told, "changed"));
    assert_eq!((text(&told, "email"), text(&told, "phone")), ("b•••@example.org".into(), "•••• 56".into()));
    let again = set(&[("email", "bob@example.org")]).await.unwrap();
    assert!(!switch(&again, "changed"));
    let told = set(&[("phone", "")]).await.unwrap();
    assert!(switch(&told, "changed") && !told.contains_key("phone"));
    let own = oneself(&connection).await.status().await.unwrap();
    assert_eq!(text(&own, "email"), "bob@example.org");
    assert_eq!(text(&mailbox(&own), "recipient"), "alice@example.org", "what is set up stays");
    let wrong: [&[(&'static str, &str)]; 4] = [
        &[],
        &[("email", "two@example.org,three@example.org")],
        &[("phone", "030 123456")],
        &[("phone", "x")],
    ];
    for entries in wrong {
        assert_eq!(error_name(&set(entries).await.unwrap_err()), error::INVALID_ARGUMENT, "{entries:?}");
    }
    let nobody = helpdesk.set_contact("nobody-of-this-name", with_reason(&[("phone", "")])).await;
    assert_eq!(error_name(&nobody.unwrap_err()), error::NO_SUCH_USER);
    let bare = HashMap::from([("email", Variant::from("bob@example.org"))]);
    let refused = helpdesk.set_contact(&name, bare).await.unwrap_err();
    assert_eq!(error_name(&refused), error::INVALID_ARGUMENT, "without a reason");
}

#[tokio::test]
async fn a_list_is_checked_without_a_change_and_then_put_on_file() {
    if !is_root() {
        return;
    }
    let (_house, bus) = settle().await;
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let rows = [
        (2, "daemon", "daemon@example.org", ""),
        (3, "nobody-of-this-name", "x@example.org", ""),
        (4, "bin", "not an address", ""),
        (5, "sys", "", "+49 30 123456"),
        (6, "a/b", "", "+49 30 123456"),
    ];
    let refused_lines = |refused: &[(u32, String)]| refused.iter().map(|(line, _)| *line).collect::<Vec<_>>();
    let check = || HashMap::from([("check", Variant::from(true))]);
    let (refused, done, changed) = admin.import_contacts(&rows, check()).await.unwrap();
    assert_eq!((refused_lines(&refused), done, changed), (vec![3, 4, 6], 5, 2));
    assert!(refused[0].1.contains("no such user") && refused[1].1.contains("not an e-mail address"));
    let shown = helpdesk(&connection).await.show("daemon").await.unwrap();
    assert!(!shown.contains_key("email"), "a check changes nothing");

    let refused = admin.import_contacts(&rows, HashMap::new()).await.unwrap_err();
    assert_eq!(error_name(&refused), error::INVALID_ARGUMENT, "without a reason");
    let (refused, done, changed) = admin.import_contacts(&rows, with_reason(&[])).await.unwrap();
    assert_eq!((refused_lines(&refused), done, changed), (vec![3, 4, 6], 5, 2));
    let (_, _, changed) = admin.import_contacts(&rows, with_reason(&[])).await.unwrap();
    assert_eq!(changed, 0, "once more changes nothing");
    let (_, _, changed) = admin.import_contacts(&rows, check()).await.unwrap();
    assert_eq!(changed, 0);
    let shown = helpdesk(&connection).await.show("sys").await.unwrap();
    assert_eq!(text(&shown, "phone"), "•••• 56");
    let many = vec![(1, "daemon", "", "+4930123456"); 1001];
    let refused = admin.import_contacts(&many, check()).await.unwrap_err();
    assert_eq!(error_name(&refused), error::INVALID_ARGUMENT);
}

#[tokio::test]
async fn a_trial_tells_what_the_other_side_said() {
    if !is_root() {
        return;
    }
    // Nobody listens at port 1 of this host.
    let email = "[email]\nserver = \"smtp://127.0.0.1:1\"\nfrom = \"login@example.org\"\n\n";
    let mut house = House::build(&format!("{email}{RULES}"));
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let connection = bus.client().await;
    let admin = admin(&connection).await;
    let told = admin.test_delivery("email", "alice@example.org").await.unwrap();
    assert_eq!(text(&told, "outcome"), "not-now");
    assert!(!text(&told, "said").is_empty());
    let told = admin.test_delivery("sms", "+4930123456").await.unwrap();
    assert_eq!(text(&told, "outcome"), "not-configured");
    for (channel, recipient) in [("fax", "+4930123456"), ("email", "a@example.org\r\nBcc: e@example.org")] {
        let refused = admin.test_delivery(channel, recipient).await.unwrap_err();
        assert_eq!(error_name(&refused), error::INVALID_ARGUMENT, "{channel}");
    }
}
