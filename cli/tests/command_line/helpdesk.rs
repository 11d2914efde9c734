//! `user show`, `user reset`, `user unlock`.

use serde_json::json;

use crate::service::{INVITATION, Script, Service};

fn service() -> Service {
    Service::start(Script::default())
}

#[test]
fn show_tells_what_a_person_holds_and_lets_polkit_ask() {
    let service = service();
    let ran = service.bus.run(&["user", "show", "alice"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.starts_with("alice\n"), "{ran:?}");
    assert!(ran.out.contains("Locked           until 2026-11-02 14:32 UTC: too many wrong codes"), "{ran:?}");
    assert_eq!(service.asked(), ["Show alice may_ask=true"]);
}

#[test]
fn reset_passes_every_option_on_and_says_what_was_done() {
    let service = service();
    let arguments =
        ["user", "reset", "alice", "--method", "totp", "--end-sessions", "--reason", "lost phone"];
    let ran = service.bus.run(&arguments, "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.err, "alice is reset: 1 method was removed, and the sessions are ended.\n");
    assert_eq!(service.asked(), ["Reset alice end_sessions=true method=\"totp\" reason=\"lost phone\""]);
}

#[test]
fn reset_says_when_sessions_could_not_be_ended() {
    let ran = service().bus.run(&["user", "reset", "alice", "--end-sessions", "--reason", "stolen"], "");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("could not be ended"), "{ran:?}");
}

#[test]
fn the_json_of_reset_and_unlock_keeps_its_shape() {
    let service = service();
    let ran = service.bus.run(&["user", "reset", "alice", "--reason", "x", "--json"], "");
    assert_eq!(
        ran.json(),
        json!({
            "user": "alice", "removed": 1, "sessions_ended": false, "invitation": null, "expires": null,
        })
    );
    assert_eq!(ran.err, "");
    let ran = service.bus.run(&["user", "unlock", "alice", "--reason", "x", "--json"], "");
    assert_eq!(ran.json(), json!({ "user": "alice", "was_locked": true, "needs_reset": false }));
}

#[test]
fn an_invitation_made_by_a_reset_stands_alone_on_standard_output() {
    let service = service();
    let ran = service.bus.run(&["user", "reset", "invited", "--reason", "lost phone"], "");
    assert_eq!((ran.code, ran.out), (0, format!("{INVITATION}\n")));
    assert_eq!(
        ran.err,
        "invited is reset: 1 method was removed.\n\
         invited can enroll once with this code, until 2026-11-02 14:32 UTC:\n"
    );
    let ran = service.bus.run(&["user", "reset", "invited", "--reason", "lost phone", "--json"], "");
    assert_eq!(ran.json()["invitation"], INVITATION);
    assert_eq!(ran.json()["expires"], "2026-11-02T14:32:00Z");
}

#[test]
fn an_invitation_is_written_to_standard_output_with_its_end_beside_it() {
    let service = service();
    let ran = service.bus.run(&["user", "invite", "alice", "--for", "3d", "--reason", "letter"], "");
    assert_eq!((ran.code, ran.out), (0, format!("{INVITATION}\n")));
    assert_eq!(ran.err, "alice can enroll once with this code, until 2026-11-02 14:32 UTC:\n");
    let ran = service.bus.run(&["-q", "user", "invite", "alice", "--reason", "first day", "--json"], "");
    let expected = json!({ "user": "alice", "code": INVITATION, "expires": "2026-11-02T14:32:00Z" });
    assert_eq!((ran.json(), ran.err.as_str()), (expected, ""));
    assert_eq!(
        service.asked(),
        ["Invite alice for=uint32 259200 reason=\"letter\"", "Invite alice reason=\"first day\""]
    );
}

#[test]
fn unlock_says_whether_there_was_a_lock() {
    let service = service();
    let ran = service.bus.run(&["user", "unlock", "alice", "--reason", "mistyped"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "alice is unlocked and can try again.\n"));
    let ran = service.bus.run(&["user", "unlock", "bob", "--reason", "mistyped"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, "bob was not locked.\n"));
    let ran = service.bus.run(&["-q", "user", "unlock", "bob", "--reason", "mistyped"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn resync_says_what_the_clock_says_and_whether_anything_changed() {
    let service = service();
    let ran = service.bus.run(&["user", "resync", "alice", "--reason", "clock"], "");
    let said = "alice can use the app or token again. This host's clock says 2026-11-02T14:32:00Z.\n";
    assert_eq!((ran.code, ran.err.as_str()), (0, said));
    let ran = service.bus.run(&["user", "resync", "bob", "--reason", "clock"], "");
    assert!(ran.code == 0 && ran.err.contains("nothing was changed"), "{ran:?}");
    let ran = service.bus.run(&["user", "resync", "alice", "--reason", "clock", "--json"], "");
    let expected = json!({ "user": "alice", "changed": 1, "clock": "2026-11-02T14:32:00Z" });
    assert_eq!((ran.json(), ran.err.as_str()), (expected, ""));
    assert_eq!(service.asked()[0], "Resync alice reason=\"clock\"");
}

#[test]
fn who_needs_a_reset_is_not_reported_as_unlocked() {
    let service = service();
    let ran = service.bus.run(&["user", "unlock", "guessed", "--reason", "x"], "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("countersign user reset guessed"), "{ran:?}");
    let ran = service.bus.run(&["--json", "user", "unlock", "guessed", "--reason", "x"], "");
    assert_eq!((ran.code, &ran.json()["needs_reset"]), (1, &json!(true)));
}

#[test]
fn every_error_of_the_service_has_its_exit_code_and_says_why() {
    let service = service();
    for (user, code, says) in [
        ("root", 1, "The helpdesk may not act on root"),
        ("nobody", 1, "There is no user nobody"),
        ("busy", 1, "Too many requests"),
        ("broken", 3, "The store did not answer"),
        ("odd", 2, "A reason has 1 to 200 bytes"),
    ] {
        let reset = ["user", "reset", user, "--reason", "x"];
        let unlock = ["user", "unlock", user, "--reason", "x"];
        let resync = ["user", "resync", user, "--reason", "x"];
        let invite = ["user", "invite", user, "--reason", "x"];
        let enable = ["user", "enable", user, "--reason", "x"];
        let contact = ["user", "set-contact", user, "--email", "a@example.org", "--reason", "x"];
        for arguments in [&["user", "show", user][..], &reset, &unlock, &resync, &invite, &enable, &contact] {
            let ran = service.bus.run(arguments, "");
            assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{arguments:?} {ran:?}");
            assert!(ran.err.contains(says), "{arguments:?} {ran:?}");
        }
    }
    let ran = service.bus.run(&["user", "show", "garbled"], "");
    assert_eq!(ran.code, 3, "{ran:?}");
}

#[test]
fn delete_says_what_was_done_and_refuses_who_is_still_there() {
    let service = service();
    let ran = service.bus.run(&["user", "delete", "eve", "--reason", "left"], "");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", "What was kept of eve is deleted.\n"));
    let realm = ["--json", "user", "delete", "eve", "--realm", "local:h2", "--reason", "host retired"];
    assert_eq!(service.bus.run(&realm, "").json(), json!({ "user": "eve", "deleted": 1 }));
    let ran = service.bus.run(&["user", "delete", "alice", "--reason", "left"], "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("still knows alice") && ran.err.contains("user reset"), "{ran:?}");
    assert_eq!(
        service.asked(),
        [
            "Delete eve reason=\"left\"",
            "Delete eve realm=\"local:h2\" reason=\"host retired\"",
            "Delete alice reason=\"left\""
        ]
    );
}

#[test]
fn a_purge_goes_through_every_page_and_a_dry_run_deletes_nothing() {
    let service = service();
    let ran = service.bus.run(&["user", "purge", "--gone", "--dry-run"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "alice\nbob\ncarol\n"), "{ran:?}");
    assert!(ran.err.starts_with("3 users are gone: nothing is deleted (dry run).\nOf 4 more"), "{ran:?}");
    let ran = service.bus.run(&["--json", "user", "purge", "--gone", "--reason", "end of term"], "");
    assert_eq!(ran.json()["users"][2], json!({ "user": "carol", "realm": "local:h1" }));
    assert_eq!((&ran.json()["deleted"], &ran.json()["untold"]), (&json!(true), &json!(4)));
    assert_eq!(
        service.asked(),
        [
            "PurgeGone \"\" check=true",
            "PurgeGone \"local:h1/bob\" check=true",
            "PurgeGone \"\" check=false reason=\"end of term\"",
            "PurgeGone \"local:h1/bob\" check=false reason=\"end of term\"",
        ]
    );
}

#[test]
fn a_purge_that_the_name_service_stops_tells_what_was_done() {
    let service = Service::start(Script { goes_away: true, ..Script::default() });
    let ran = service.bus.run(&["user", "purge", "--gone", "--reason", "end of term"], "");
    assert_eq!((ran.code, ran.out.as_str()), (1, "alice\nbob\n"), "{ran:?}");
    assert!(ran.err.contains("The name service does not answer now"), "{ran:?}");
    for wrong in [&["user", "purge", "--reason", "x"][..], &["user", "purge", "--gone"]] {
        assert_eq!(service.bus.run(wrong, "").code, 2, "{wrong:?}");
    }
}

#[test]
fn an_error_for_a_program_is_one_object_on_standard_error() {
    let ran = service().bus.run(&["--json", "user", "show", "root"], "");
    assert_eq!(ran.out, "");
    let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["error"]["code"], 1);
    assert_eq!(error["error"]["kind"], "refused");
    assert_eq!(error["error"]["message"], "The helpdesk may not act on root.");
}

#[test]
fn a_reason_is_mandatory() {
    let service = service();
    for verb in ["reset", "delete", "unlock", "resync", "invite", "enable", "disable"] {
        let arguments = ["user", verb, "alice"];
        let ran = service.bus.run(&arguments, "");
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("--reason"), "{ran:?}");
    }
    let ran = service.bus.run(&["user", "set-contact", "alice", "--clear-email"], "");
    assert!(ran.code == 2 && ran.err.contains("--reason"), "{ran:?}");
    assert!(service.asked().is_empty());
}
