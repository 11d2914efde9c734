//! `store rotate-key`.

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
