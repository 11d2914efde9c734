//! `store rotate-key` and `store accept-restore`.

use crate::service::{Script, Service};

#[test]
fn a_new_key_is_made_and_every_page_is_sealed_anew() {
    let service = Service::start(Script::default());
    let ran = service.bus.run(&["store", "rotate-key"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.err, "Data key 7 is in use. 700 accounts are sealed with the newest key.\n");
    assert_eq!(service.asked(), ["RotateKey", "Reseal \"\"", "Reseal \"a1\""]);
}

#[test]
fn what_was_interrupted_is_resumed_without_another_key() {
    let service = Service::start(Script::default());
    let ran = service.bus.run(&["store", "rotate-key", "--resume", "--json"], "");
    assert_eq!(ran.json(), serde_json::json!({ "key": null, "accounts": 700 }));
    assert_eq!(service.asked(), ["Reseal \"\"", "Reseal \"a1\""]);
}

#[test]
fn a_failure_in_the_middle_says_how_to_go_on() {
    let service = Service::start(Script { never_ends: true, ..Script::default() });
    let ran = service.bus.run(&["store", "rotate-key"], "");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("The disk is full") && ran.err.contains("--resume"), "{ran:?}");
}

#[test]
fn a_restored_store_is_accepted_with_a_reason_and_says_who_needs_a_reset() {
    let service = Service::start(Script::default());
    let accept = ["store", "accept-restore", "--reason", "disk"];
    let refused = service.bus.run(&accept, "");
    assert_eq!(refused.code, 1, "{refused:?}");
    let ran = service.bus.run(&[&accept[..], &["--only-known"]].concat(), "");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err, "The store is accepted. Refused until `countersign user reset`: alice, bob\n");
    let ran = service.bus.run(&[&accept[..], &["--everybody", "--json"]].concat(), "");
    assert_eq!(
        ran.json(),
        serde_json::json!({ "doubt": "older", "everybody": true, "doubtful": [] }),
        "{ran:?}"
    );
    assert_eq!(service.bus.run(&[&accept[..], &["--everybody", "--only-known"]].concat(), "").code, 2);
    assert_eq!(service.bus.run(&["store", "accept-restore"], "").code, 2, "a reason is required");
    assert_eq!(service.asked().len(), 3);
}
