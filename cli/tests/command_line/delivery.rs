//! `delivery test`, and dialogues in which codes are sent.

use serde_json::json;

use crate::service::{Script, Service};

#[test]
fn what_the_other_side_said_is_told_and_only_a_message_that_was_taken_is_done() {
    let service = Service::start(Script::default());
    for (arguments, code, says) in [
        (["email", "alice@example.org"], 0, "The mail server took the message to alice@example.org. Look"),
        (["sms", "+49 171 2345642"], 0, "The gateway took the message to +49 171 2345642. Look"),
        (
            ["email", "refused@example.org"],
            1,
            "error: The mail server refused the message to refused@example.org: 550 5.1.1 no such mailbox",
        ),
        (
            ["email", "late@example.org"],
            1,
            "error: The message to late@example.org could not be handed over: connection refused",
        ),
        (
            ["email", "lost@example.org"],
            1,
            "error: Nobody knows whether the message to lost@example.org went out",
        ),
        (["sms", "+0"], 1, "error: Nothing can be sent there: `[sms]` is not configured"),
        (["call", "+1"], 2, "error: Not a telephone number."),
    ] {
        let ran = service.bus.run(&[&["delivery", "test"], &arguments[..]].concat(), "");
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{ran:?}");
        assert!(ran.err.contains(says), "{ran:?}");
    }
    assert_eq!(service.asked()[1], "TestDelivery sms +49 171 2345642");
}

#[test]
fn the_json_of_a_trial_keeps_its_shape() {
    let service = Service::start(Script::default());
    for (recipient, outcome, said, code) in [
        ("alice@example.org", "taken", "", 0),
        ("refused@example.org", "refused", "550 5.1.1 no such mailbox", 1),
    ] {
        let ran = service.bus.run(&["delivery", "test", "email", recipient, "--json", "--quiet"], "");
        let told = json!({ "channel": "email", "recipient": recipient, "outcome": outcome, "said": said });
        assert_eq!((ran.code, ran.json(), ran.err.as_str()), (code, told, ""));
    }
}

#[test]
fn where_codes_are_to_go_is_passed_on() {
    for (arguments, options) in [
        (&["enroll", "email"][..], "email draws_qr=false locale=\"de_DE.UTF-8\""),
        (
            &["enroll", "sms", "+49 171 2345642", "--label", "work phone"],
            "sms draws_qr=false label=\"work phone\" locale=\"de_DE.UTF-8\" recipient=\"+49 171 2345642\"",
        ),
        (
            &["enroll", "call", "+491712345642", "--replace"],
            "call draws_qr=false locale=\"de_DE.UTF-8\" recipient=\"+491712345642\" replace=\"\"",
        ),
    ] {
        let service = Service::with_steps(&[("done", &[])]);
        let ran = service.bus.run(arguments, "");
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(service.asked(), [format!("BeginEnrollment {options}")]);
        let service = Service::with_steps(&[("done", &[])]);
        let told = service.bus.run(&[arguments, &["--json"]].concat(), "").json();
        assert_eq!(told["enrolled"], arguments[1]);
    }
}

#[test]
fn who_has_codes_by_mail_only_does_everything_with_a_code_that_was_sent() {
    const ON_ITS_WAY: &str =
        "A code is on its way to a•••@example.org.\nCode (`resend` for another in 43 s): ";
    let sent: [(&str, &[(u32, &str)]); 3] = [
        ("ask", &[(4, ON_ITS_WAY)]),
        ("ask", &[(2, "You can ask for another code in 41 s."), (4, "Code: ")]),
        ("done", &[(1, "Done.")]),
    ];
    for arguments in
        [&["test"][..], &["backup-codes"], &["remove", "mailbox"], &["rename", "mailbox", "mail"]]
    {
        let service = Service::with_steps(&sent);
        let ran = service.bus.run(arguments, "resend\n4930 2718\n");
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
        assert!(ran.err.starts_with(ON_ITS_WAY) && ran.err.ends_with("Done.\n"), "{ran:?}");
        assert_eq!(service.asked()[1..], ["Answer resend", "Answer 4930 2718"], "{arguments:?}");
    }
}
