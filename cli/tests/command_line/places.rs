//! `remembered` and `forget`.

use countersign_protocol::proxies::OwnedFacts;
use serde_json::json;

use crate::service::{Script, Service, facts};

const KEY: &str = "SHA256:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";

fn places() -> Vec<OwnedFacts> {
    let place = |place: &'static str, service: &'static str| {
        facts([
            ("place", place.into()),
            ("service", service.into()),
            ("since", 1_793_629_920_u64.into()),
            ("until", 1_796_221_920_u64.into()),
            ("rule", "students".into()),
        ])
    };
    let mut with_key = place("2001:db8::7", "sshd");
    with_key.extend(facts([("key", KEY.into())]));
    vec![place("198.51.100.7", "sshd"), with_key]
}

fn service() -> Service {
    Service::start(Script { places: places(), ..Script::default() })
}

#[test]
fn places_are_a_table_with_their_ends() {
    let ran = service().bus.run(&["remembered"], "");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        ran.out,
        format!(
            "\
PLACE         SERVICE  SINCE             UNTIL             RULE      KEY
198.51.100.7  sshd     2026-11-02 14:32  2026-12-02 14:32  students  -
2001:db8::7   sshd     2026-11-02 14:32  2026-12-02 14:32  students  {KEY}
"
        )
    );
    assert!(ran.err.contains("countersign forget"), "{ran:?}");
}

#[test]
fn the_json_of_places_is_a_list() {
    let ran = service().bus.run(&["remembered", "--json"], "");
    let place = |place: &str, key: serde_json::Value| {
        json!({
            "place": place, "service": "sshd", "since": "2026-11-02T14:32:00Z",
            "until": "2026-12-02T14:32:00Z", "rule": "students", "key": key,
        })
    };
    assert_eq!(ran.json(), json!([place("198.51.100.7", json!(null)), place("2001:db8::7", json!(KEY))]));
    assert_eq!(ran.err, "");
    let nothing = Service::start(Script::default());
    assert_eq!(nothing.bus.run(&["remembered", "--json"], "").json(), json!([]));
    let ran = nothing.bus.run(&["remembered"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert!(ran.err.contains("No place is remembered"), "{ran:?}");
}

#[test]
fn a_place_or_all_are_forgotten_without_a_code() {
    let service = service();
    let ran = service.bus.run(&["forget", "198.51.100.7"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "A code is asked for again from 198.51.100.7.\n"));
    let ran = service.bus.run(&["forget", "--all"], "");
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (0, "2 places are forgotten: a code is asked for everywhere.\n")
    );
    let ran = service.bus.run(&["forget", "--all", "--json"], "");
    assert_eq!((ran.json(), ran.err.as_str()), (json!({ "forgotten": 2 }), ""));
    assert_eq!(service.asked(), ["Forget \"198.51.100.7\"", "Forget \"\"", "Forget \"\""]);
}

#[test]
fn a_place_that_is_not_remembered_is_refused_and_nothing_at_all_is_done() {
    let service = Service::start(Script::default());
    let ran = service.bus.run(&["forget", "192.0.2.9"], "");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("Nothing is remembered for 192.0.2.9."), "{ran:?}");
    let ran = service.bus.run(&["forget", "--all"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "Nothing was remembered.\n"));
}

#[test]
fn a_place_that_cannot_be_read_hides_no_other() {
    let service = service();
    service.script.lock().unwrap().places.insert(0, crate::service::facts([("place", 7_u32.into())]));
    let ran = service.bus.run(&["remembered", "--json"], "");
    assert_eq!(
        (ran.json()[0]["service"].clone(), ran.json()[1]["place"].clone()),
        (json!("unreadable"), json!("198.51.100.7"))
    );
}
