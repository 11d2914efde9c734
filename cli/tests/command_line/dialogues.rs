//! `enroll` and `remove`: the dialogue with answers from a pipe.

use std::os::unix::fs::PermissionsExt;

use crate::service::Service;

const URI: &str = "otpauth://totp/Example:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example";

#[test]
fn enrolling_shows_every_line_on_standard_error_and_passes_the_answers_on() {
    let service = Service::with_steps(&[
        ("ask", &[(1, "Scan this code."), (4, "Key: JBSW Y3DP\nCode from the app: ")]),
        ("ask", &[(2, "That code is not right."), (4, "Code from the app: ")]),
        ("done", &[(1, "Your app is set up.")]),
    ]);
    let ran = service.bus.run(&["enroll", "totp", "--label", "my phone"], "111 111\n222222\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert_eq!(
        ran.err,
        "Scan this code.\nKey: JBSW Y3DP\nCode from the app: \nThat code is not right.\nCode from the app: \n\
         Your app is set up.\n"
    );
    assert_eq!(
        service.asked(),
        [
            "BeginEnrollment totp draws_qr=false label=\"my phone\" locale=\"de_DE.UTF-8\"",
            "Answer 111 111",
            "Answer 222222"
        ]
    );
}

#[test]
fn a_result_for_programs_stands_alone_on_standard_output() {
    let service = Service::with_steps(&[("ask", &[(4, "Code: ")]), ("done", &[])]);
    let ran = service.bus.run(&["--json", "enroll", "totp"], "1\n");
    assert_eq!(ran.json(), serde_json::json!({ "enrolled": "totp", "qr": null, "replaced": false }));
}

#[test]
fn what_is_to_be_replaced_and_ended_is_passed_on() {
    for (arguments, options) in [
        (&["enroll", "hotp", "--replace"][..], "hotp draws_qr=false locale=\"de_DE.UTF-8\" replace=\"\""),
        (
            &["enroll", "hotp", "--replace=old token"],
            "hotp draws_qr=false locale=\"de_DE.UTF-8\" replace=\"old token\"",
        ),
        (&["enroll", "--end-sessions"], "totp draws_qr=false end_sessions=true locale=\"de_DE.UTF-8\""),
    ] {
        let service = Service::with_steps(&[("done", &[])]);
        let ran = service.bus.run(arguments, "");
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(service.asked(), [format!("BeginEnrollment {options}")]);
    }
}

#[test]
fn every_dialogue_of_ones_own_is_begun_answered_and_told_to_programs() {
    for (arguments, begun, result) in [
        (
            &["rename", "phone", "old phone"][..],
            "BeginRenaming phone old phone locale=\"de_DE.UTF-8\"",
            serde_json::json!({ "renamed": "phone", "label": "old phone" }),
        ),
        (
            &["backup-codes"],
            "BeginBackupCodes locale=\"de_DE.UTF-8\"",
            serde_json::json!({ "renewed": true }),
        ),
        (&["test"], "BeginTest locale=\"de_DE.UTF-8\"", serde_json::json!({ "passed": true })),
    ] {
        let steps: [(&str, &[(u32, &str)]); 2] = [("ask", &[(4, "Code: ")]), ("done", &[(1, "Well done.")])];
        let service = Service::with_steps(&steps);
        let ran = service.bus.run(arguments, "123456\n");
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", "Code: \nWell done.\n"));
        assert_eq!(service.asked(), [begun, "Answer 123456"]);
        let service = Service::with_steps(&steps);
        let ran = service.bus.run(&[arguments, &["--json"]].concat(), "123456\n");
        assert_eq!(ran.json(), result);
        let service = Service::with_steps(&[("failed", &[(2, "No.")])]);
        let ran = service.bus.run(&[arguments, &["--json"]].concat(), "");
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    }
}

#[test]
fn backup_codes_are_shown_in_the_prompt_and_never_among_the_results() {
    let codes = "Your backup codes:\n\nK7QM-2XVA9-RTDW\n\nType `saved` when you have written them down: ";
    let service = Service::with_steps(&[("ask", &[(4, codes)]), ("done", &[])]);
    let ran = service.bus.run(&["backup-codes", "--json"], "saved\n");
    assert_eq!((ran.code, ran.out.contains("K7QM")), (0, false), "{ran:?}");
    assert!(ran.err.contains("K7QM-2XVA9-RTDW"), "{ran:?}");
    assert_eq!(service.asked()[1..], ["Answer saved"]);
}

#[test]
fn the_end_of_input_cancels_the_dialogue() {
    let service = Service::with_steps(&[("ask", &[(4, "Code: ")])]);
    let ran = service.bus.run(&["enroll", "totp"], "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("Cancelled"), "{ran:?}");
    assert_eq!(service.asked()[1..], ["Cancel"]);
}

#[test]
fn a_dialogue_that_fails_exits_with_1_and_says_nothing_more_than_the_service() {
    let service =
        Service::with_steps(&[("ask", &[(4, "Code: ")]), ("failed", &[(2, "Nothing was removed.")])]);
    let ran = service.bus.run(&["remove", "phone"], "1\n");
    assert_eq!((ran.code, ran.err.as_str()), (1, "Code: \nNothing was removed.\n"), "{ran:?}");
    assert_eq!(service.asked()[0], "BeginRemoval phone locale=\"de_DE.UTF-8\"");
}

#[test]
fn a_refusal_at_the_beginning_is_told_with_its_reason() {
    let service = Service::with_steps(&[]);
    let ran = service.bus.run(&["enroll"], "");
    assert_eq!((ran.code, ran.err.as_str()), (1, "error: The policy does not allow this.\n"), "{ran:?}");
}

#[test]
fn malformed_steps_and_ends_that_only_logins_have_are_failures_and_cancelled() {
    for first in [
        ("ask", &[(4, "Code: "), (1, "after the prompt")][..]),
        ("ask", &[(1, "no prompt")]),
        ("maybe", &[]),
        ("failed", &[(9, "style")]),
        ("ask", &[(4, "\u{1b}[2JCode: ")]),
    ] {
        let service = Service::with_steps(&[first]);
        let ran = service.bus.run(&["enroll"], "1\n");
        assert_eq!(ran.code, 3, "{first:?} {ran:?}");
        assert!(!ran.err.contains('\u{1b}'), "{ran:?}");
        assert_eq!(service.asked()[1..], ["Cancel"], "{first:?}");
    }
    let service = Service::with_steps(&[("allow", &[])]);
    assert_eq!(service.bus.run(&["enroll"], "1\n").code, 3);
}

#[test]
fn a_malformed_step_in_the_middle_is_cancelled_too() {
    let service = Service::with_steps(&[("ask", &[(4, "Code: ")]), ("ask", &[(7, "?")])]);
    let ran = service.bus.run(&["enroll"], "1\n2\n");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(service.asked()[1..], ["Answer 1", "Cancel"]);
}

#[test]
fn a_dialogue_without_an_end_is_cut_off() {
    let endless = [("ask", &[(4_u32, "Code: ")][..]); 200];
    let service = Service::with_steps(&endless);
    let ran = service.bus.run(&["enroll"], &"1\n".repeat(200));
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(service.asked().last().unwrap(), "Cancel");
    assert!(service.asked().len() < 40);
}

#[test]
fn an_answer_that_is_too_long_or_no_text_is_sent_as_an_empty_one() {
    let service = Service::with_steps(&[("ask", &[(4, "Code: ")]), ("ask", &[(4, "Code: ")]), ("done", &[])]);
    let ran = service.bus.run(&["enroll"], &format!("{}\n42\n", "x".repeat(5000)));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(service.asked()[1..], ["Answer ", "Answer 42"]);
}

#[test]
fn the_setup_uri_goes_into_the_file_that_was_named_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.svg");
    let service = Service::with_steps(&[("ask", &[(5, URI), (4, "Code: ")]), ("done", &[])]);
    let ran = service.bus.run(&["enroll", "--json", "--qr", file.to_str().unwrap()], "1\n");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["qr"], file.to_str().unwrap());
    assert!(!ran.err.contains("otpauth") && !ran.out.contains("otpauth"), "{ran:?}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("<svg"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(service.asked()[0].contains("draws_qr=true"));
}

#[test]
fn the_file_of_an_enrollment_that_came_to_nothing_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.png");
    let service = Service::with_steps(&[("ask", &[(5, URI), (4, "Code: ")]), ("failed", &[])]);
    let ran = service.bus.run(&["enroll", "--qr", file.to_str().unwrap()], "1\n");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(!file.exists());
}

#[test]
fn a_file_that_is_there_is_left_alone_before_anything_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.png");
    std::fs::write(&file, "precious").unwrap();
    let service = Service::with_steps(&[("done", &[])]);
    let ran = service.bus.run(&["enroll", "--qr", file.to_str().unwrap()], "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert!(service.asked().is_empty());
}

#[test]
fn other_texts_that_are_shown_once_are_shown_as_they_are() {
    let service = Service::with_steps(&[("done", &[(5, "ABCDE-FGHIJ")])]);
    let ran = service.bus.run(&["enroll"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "ABCDE-FGHIJ\n"), "{ran:?}");
}
