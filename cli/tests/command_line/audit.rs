//! `audit` and `audit verify`: one record a line, whatever stands in it; following through a restart.

use crate::service::{Script, Service};

const DENIED: &str = "{\"event\":\"login-denied\",\"at\":1793629920,\"host\":\"h\",\"subject\":{\"user\":\"alice\",\
    \"realm\":\"local:1\"},\"actor\":\"self\",\"login\":{\"service\":\"sshd\",\"source\":\"198.51.100.7\"},\
    \"rule\":\"students\",\"factor\":\"totp\",\"reason\":\"wrong-code\"}";
const RESET: &str = "{\"event\":\"user-reset\",\"at\":1793629921,\"host\":\"h\",\"subject\":{\"user\":\"alice\",\
    \"realm\":\"local:1\"},\"actor\":\"uid:1001 (dora)\",\"reason\":\"lost phone\",\"change\":\"invitation\"}";
const HOSTILE: &str = "{\"event\":\"login-denied\",\"at\":1793629922,\"host\":\"h\",\"subject\":{\"user\":\
    \"eve\\nlogin-allowed root\\u001b[2J\\u202e\\u2028x\",\"realm\":\"local:1\"},\"actor\":\"self\"}";

fn service(records: &[&str]) -> Service {
    let records = records.iter().map(|record| (*record).to_owned()).collect();
    Service::start(Script { records, ..Script::default() })
}

#[test]
fn each_record_is_a_row_with_when_what_who_where_why_and_by_whom() {
    let service = service(&[DENIED, RESET, HOSTILE]);
    let ran = service.bus.run(&["audit"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "3 records.\n"), "{ran:?}");
    assert_eq!(
        ran.out.lines().collect::<Vec<_>>(),
        [
            "TIME                 EVENT         USER   FROM               RULE      METHOD  WHY                    BY",
            "2026-11-02 14:32:00  login-denied  alice  sshd 198.51.100.7  students  totp    wrong-code             self",
            "2026-11-02 14:32:01  user-reset    alice  -                  -         -       lost phone invitation  uid:1001 (dora)",
            "2026-11-02 14:32:02  login-denied  eve\u{fffd}login-allowed root\u{fffd}[2J\u{fffd}\u{fffd}x  -                  \
             -         -       -                      self",
        ]
    );
    assert_eq!(service.asked(), ["Audit wait=uint32 0 0", "Audit wait=uint32 0 2"]);
}

#[test]
fn the_json_is_the_canonical_encoding_with_its_number_one_record_a_line() {
    let tampered = "{\"event\":\n\"x\",\"at\":1}";
    let service = service(&[DENIED, HOSTILE, tampered, "gone\n\u{1b}[2J"]);
    let ran = service.bus.run(&["audit", "--json"], "");
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 4, "{ran:?}");
    let told = |record: &str, seconds: &str, moment: &str| {
        record[1..].replace(&format!("\"at\":{seconds}"), &format!("\"at\":\"{moment}\""))
    };
    let denied = told(DENIED, "1793629920", "2026-11-02T14:32:00Z");
    assert_eq!(lines[0], format!("{{\"sequence\":1,{denied}"));
    let hostile = told(HOSTILE, "1793629922", "2026-11-02T14:32:02Z");
    assert_eq!(lines[1], format!("{{\"sequence\":2,{hostile}"));
    assert!(lines[3].starts_with("{\"sequence\":4,\"unreadable\":"), "{}", lines[3]);
    assert!(ran.out.chars().all(|it| it == '\n' || !it.is_control()), "{ran:?}");
}

#[test]
fn the_filter_goes_to_the_service() {
    let service = service(&[DENIED]);
    let wanted = ["audit", "--user", "alice", "--event", "login-denied", "--since", "2026-11-01"];
    assert_eq!(service.bus.run(&wanted, "").code, 0);
    let asked = service.asked().remove(0);
    assert!(asked.starts_with("Audit event=\"login-denied\" since=uint64 17934"), "{asked}");
    assert!(asked.ends_with(" user=\"alice\" wait=uint32 0 0"), "{asked}");
}

#[test]
fn following_begins_at_the_end_and_goes_on_after_the_service_was_away() {
    let mut script = Script { goes_away: true, ..Script::default() };
    script.records.push(DENIED.to_owned());
    let service = Service::start(script);
    let ran = service.bus.run(&["audit", "--follow", "--json"], "");
    assert_eq!(ran.code, 1, "the script ends with a refusal: {ran:?}");
    assert_eq!(
        ran.out,
        "{\"sequence\":2,\"event\":\"service-started\",\"at\":\"2026-11-02T14:33:00Z\",\"actor\":\"service\"}\n"
    );
    assert!(ran.err.contains("The service is away"), "{ran:?}");
    assert_eq!(
        service.asked(),
        [
            "Audit wait=uint32 0 -1",
            "Audit wait=uint32 20 1",
            "Audit wait=uint32 20 1",
            "Audit wait=uint32 20 2"
        ]
    );
}

#[test]
fn a_refusal_at_the_beginning_ends_following() {
    let service = service(&[]);
    service.script.lock().unwrap().asked.push("something before".to_owned());
    assert_eq!(service.bus.run(&["audit", "--follow"], "").code, 1);
}

#[test]
fn a_whole_audit_is_done_and_a_broken_one_is_refused_with_the_number_of_the_record() {
    let service = service(&[]);
    let ran = service.bus.run(&["audit", "verify"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.err, "The audit is whole: 700 records from 101 on.\nHead: 800:bb\n");
    assert_eq!(service.asked(), ["VerifyAudit \"\" \"\"", "VerifyAudit \"500:aa\" \"\""]);

    for (damage, said) in [
        ("altered", "Record 701 was edited, or another was put in its place."),
        ("missing", "Record 701 was removed."),
        ("cut-off", "From record 701 on the audit is missing."),
        ("added", "Record 701 stands behind the end of the audit."),
        ("replaced", "Record 701 is not the one that the log knows"),
    ] {
        service.script.lock().unwrap().damage = Some((701, damage));
        let ran = service.bus.run(&["audit", "verify", "--head", "701:cc"], "");
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
    }
    assert!(service.asked().contains(&"VerifyAudit \"\" \"701:cc\"".to_owned()));
    let json = service.bus.run(&["audit", "verify", "--json"], "");
    assert_eq!(json.code, 1);
    let json = json.json();
    assert_eq!((&json["whole"], &json["broken"]), (&false.into(), &701.into()));
    assert_eq!((&json["damage"], &json["records"]), (&"replaced".into(), &600.into()));
}
