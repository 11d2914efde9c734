//! The module under real libpam with people and applications that do odd things at the prompt.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use countersign_tests::pam::{Person, Reaction, Stacks, Transaction, code};
use countersign_tests::service::{Act, Service, ask, step};

fn stacks(options: &str) -> Stacks {
    let stacks = Stacks::new().unwrap();
    let lines = format!("auth required pam_permit.so\nauth required {{module}} {options}");
    stacks.write("sudo", &lines).unwrap();
    stacks
}

/// A person who reacts so to the one prompt; returns the code and what the service was told.
fn react(reaction: Reaction) -> (i32, Vec<(String, String)>) {
    let service = Service::scripted([ask(), step("deny", &[])]).unwrap();
    let stacks = stacks(&service.option());
    let person = Person::answering([reaction]);
    let mut login = Transaction::start(&stacks, "sudo", "alice", person).unwrap();
    let result = login.authenticate();
    login.set_credentials();
    drop(login);
    let calls = service.calls().into_iter().skip(1).map(|call| (call.member, call.text)).collect();
    (result, calls)
}

fn call(member: &str, text: &str) -> Vec<(String, String)> {
    vec![(member.to_owned(), text.to_owned())]
}

#[test]
fn an_application_without_a_conversation_gets_a_conversation_error() {
    let service = Service::scripted([ask(), step("allow", &[])]).unwrap();
    let stacks = stacks(&service.option());
    let mut login = Transaction::start_mute(&stacks, "sudo", "alice").unwrap();
    assert_eq!(login.authenticate(), code::CONV_ERR);
    assert_eq!(service.members(), ["Begin", "Cancel"]);
}

#[test]
fn an_application_without_a_conversation_passes_where_nothing_is_asked() {
    let service = Service::scripted([step("allow", &[(1, "Welcome.")])]).unwrap();
    let stacks = stacks(&service.option());
    let mut login = Transaction::start_mute(&stacks, "sudo", "alice").unwrap();
    assert_eq!(login.authenticate(), code::SUCCESS);
}

#[test]
fn a_conversation_that_fails_ends_the_login_and_cancels() {
    for reaction in [
        Reaction::Fail(code::CONV_ERR),
        Reaction::Fail(30),
        Reaction::Fail(-1),
        Reaction::Nothing,
        Reaction::NoResponse,
    ] {
        assert_eq!(react(reaction), (code::CONV_ERR, call("Cancel", "")));
    }
}

#[test]
fn an_empty_answer_is_the_service_s_to_judge() {
    assert_eq!(react("".into()), (code::AUTH_ERR, call("Answer", "")));
}

#[test]
fn an_answer_that_is_no_text_becomes_an_empty_one() {
    for bytes in [&b"\xff\xfe"[..], b"492039\xc3", b"\xed\xa0\x80"] {
        assert_eq!(react(Reaction::Answer(bytes.to_vec())), (code::AUTH_ERR, call("Answer", "")));
    }
}

#[test]
fn answers_over_the_limit_are_not_sent() {
    let longest = "x".repeat(256);
    assert_eq!(react(longest.as_str().into()), (code::AUTH_ERR, call("Answer", &longest)));
    for length in [257, 511, 512, 4096, 1 << 20] {
        let answer = Reaction::Answer(vec![b'x'; length]);
        assert_eq!(react(answer), (code::AUTH_ERR, call("Cancel", "")), "{length}");
    }
}

#[test]
fn the_person_s_own_time_is_not_counted() {
    let service = Service::scripted([ask(), step("allow", &[])]).unwrap();
    let stacks = stacks(&format!("{} timeout=1", service.option()));
    let person = Person::answering(["492039"]).after(std::time::Duration::from_millis(1500));
    let mut login = Transaction::start(&stacks, "sudo", "alice", person).unwrap();
    assert_eq!(login.authenticate(), code::SUCCESS);
}

#[test]
fn bad_arguments_refuse_without_asking_anybody() {
    let long = "x".repeat(300);
    for options in [
        "nullok",
        "Debug",
        "debug debug",
        "timeout=0",
        "timeout=61",
        "timeout=1 timeout=2",
        "socket=relative",
        "require_auth",
        "first_factor late_first_factor",
        "[debug\u{1}]",
        long.as_str(),
    ] {
        let service = Service::scripted([step("allow", &[])]).unwrap();
        let stacks = stacks(&format!("{} {options}", service.option()));
        let mut login = Transaction::start(&stacks, "sudo", "alice", Person::default()).unwrap();
        assert_eq!(login.authenticate(), code::SERVICE_ERR, "{options}");
        login.set_credentials();
        assert!(service.calls().is_empty(), "{options}");
    }
}

#[test]
fn debug_changes_nothing_that_a_person_sees() {
    let service = Service::scripted([ask(), step("allow", &[])]).unwrap();
    let stacks = stacks(&format!("{} debug", service.option()));
    let mut login = Transaction::start(&stacks, "sudo", "alice", Person::answering(["492039"])).unwrap();
    assert_eq!(login.authenticate(), code::SUCCESS);
    assert_eq!(login.seen(), ["Code: "]);
}

#[test]
fn credentials_and_closing_never_reach_the_service() {
    let service = Service::scripted([Act::Silence]).unwrap();
    let stacks = stacks(&service.option());
    let mut login = Transaction::start(&stacks, "sudo", "alice", Person::default()).unwrap();
    assert_eq!(login.set_credentials(), code::SUCCESS);
    assert!(service.calls().is_empty());
}

/// A stack for clients with one prompt, whose service says so at the code line.
fn one_prompt(service: &Service) -> Stacks {
    let stacks = Stacks::new().unwrap();
    let option = service.option();
    let lines = format!(
        "auth required {{module}} combined {option}\nauth required pam_permit.so\nauth required {{module}} {option}"
    );
    stacks.write("vsftpd", &lines).unwrap();
    stacks
}

#[test]
fn a_client_with_one_prompt_is_refused_with_the_sentence_and_without_an_error_of_the_conversation() {
    let again = |text| step("ask", &[(4, text)]);
    for (acts, seen) in [
        (vec![ask(), again("That code is not right.\nCode: ")], Some("That code is not right.")),
        (vec![ask(), again("Set this up:\nABCD EFGH\nCode: ")], Some("Set this up:")),
        (vec![ask(), again("Code: ")], None),
        (vec![again("Locked.\nPress Enter to close: "), step("lock-out", &[])], Some("Locked.")),
        (vec![again("It is on its way.\nCode: "), step("deny", &[(2, "Refused.")])], Some("Refused.")),
        (vec![again("It is on its way.\nCode: "), step("allow", &[])], None),
    ] {
        let service = Service::scripted(acts).unwrap();
        let stacks = one_prompt(&service);
        let person = Person::answering(["secret492039"]);
        let mut login = Transaction::start(&stacks, "vsftpd", "alice", person).unwrap();
        let is_let_in = service_allows(&mut login);
        assert_eq!(login.seen().last().map(String::as_str), seen.or(Some("Password and code: ")));
        assert_eq!(is_let_in, seen.is_none() && service.members() == ["Begin", "Answer"], "{seen:?}");
    }
}

/// Tells whether a login gets in; one that does not is refused by `PAM_AUTH_ERR`.
fn service_allows(login: &mut Transaction) -> bool {
    match login.authenticate() {
        code::SUCCESS => true,
        refused => {
            assert_eq!(refused, code::AUTH_ERR);
            false
        }
    }
}
