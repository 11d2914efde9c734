//! The module under real libpam with a service that behaves: verdicts, what it is told, what people see.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use countersign_tests::pam::{Item, Person, Reaction, SILENT, Stacks, Style, Transaction, code};
use countersign_tests::service::{Act, CONVERSATION, Service, ask, step};

/// The fact that comes from the kernel, where these tests run in a session (`pam_process` has its own).
const SESSION: &str = "session_id";

fn stacks(service: &Service, more: &str) -> Stacks {
    let stacks = Stacks::new().unwrap();
    for name in ["sshd", "sudo", "gdm-password", "login"] {
        let option = service.option();
        let line = format!(
            "auth [success=ok ignore=ignore default=die] {{module}} {option} {more}\n\
             auth required pam_permit.so\n\
             account required pam_permit.so\n\
             session optional {{module}} {option}\n\
             password optional {{module}} {option}\n\
             password required pam_permit.so"
        );
        stacks.write(name, &line).unwrap();
    }
    stacks
}

fn alone(service: &Service) -> Stacks {
    let stacks = Stacks::new().unwrap();
    for name in ["sshd", "sudo"] {
        let lines = format!(
            "auth required pam_permit.so\n\
             auth [success=ok ignore=ignore default=die] {{module}} {}",
            service.option()
        );
        stacks.write(name, &lines).unwrap();
    }
    stacks
}

#[test]
fn each_verdict_has_its_code_and_whoever_got_in_gets_credentials() {
    for (state, service_name, expected) in [
        ("allow", "sshd", code::SUCCESS),
        ("skip", "sshd", code::SUCCESS), // ignored beside pam_permit
        ("deny", "sshd", code::AUTH_ERR),
        ("lock-out", "sshd", code::MAXTRIES),
        ("lock-out", "sudo", code::AUTH_ERR),
        ("unavailable", "sshd", code::AUTHINFO_UNAVAIL),
        ("done", "sshd", code::AUTHINFO_UNAVAIL),
        ("failed", "sudo", code::AUTHINFO_UNAVAIL),
        ("Allow", "sudo", code::AUTHINFO_UNAVAIL),
        ("", "sudo", code::AUTHINFO_UNAVAIL),
    ] {
        let service = Service::scripted([ask(), step(state, &[(1, "Bye.")])]).unwrap();
        let stacks = alone(&service);
        let mut login =
            Transaction::start(&stacks, service_name, "alice", Person::answering(["492039"])).unwrap();
        assert_eq!(login.authenticate(), expected, "{state}");
        // libpam judges setcred by what authenticate came to, module by module.
        assert_eq!(login.set_credentials() == code::SUCCESS, expected == code::SUCCESS, "{state}");
    }
}

#[test]
fn lines_are_shown_in_their_style_and_answers_arrive_as_they_are() {
    let first = step("ask", &[(1, "Welcome."), (2, "Careful."), (3, "Hidden: ")]);
    let second = step("ask", &[(5, "Shown once."), (4, "Visible\nin two lines: ")]);
    let service = Service::scripted([first, second, step("allow", &[(1, "Thank you.")])]).unwrap();
    let stacks = stacks(&service, "");
    let person = Person::answering([" 492 039 ", "\u{8}\n\r\u{7f}INCORRECT"]);
    let mut login = Transaction::start(&stacks, "sudo", "alice", person).unwrap();
    assert_eq!(login.authenticate(), code::SUCCESS);
    let expected = [
        (Style::Information, "Welcome."),
        (Style::Error, "Careful."),
        (Style::Hidden, "Hidden: "),
        (Style::Information, "Shown once."),
        (Style::Visible, "Visible\nin two lines: "),
        (Style::Information, "Thank you."),
    ];
    let seen = &login.person().seen;
    assert_eq!(seen.len(), expected.len());
    for ((style, text), (expected_style, expected_text)) in seen.iter().zip(expected) {
        assert_eq!((*style, text.as_str()), (expected_style, expected_text));
    }
    let answers: Vec<String> = service.calls().into_iter().skip(1).map(|call| call.text).collect();
    assert_eq!(answers, [" 492 039 ", "\u{8}\n\r\u{7f}INCORRECT"]);
}

/// sudo asks for silence, and shows what comes all the same.
#[test]
fn how_a_login_ends_is_told_also_to_a_program_that_asks_for_silence() {
    for (state, style, seen, expected) in [
        ("deny", 2, Style::Error, code::AUTH_ERR),
        ("lock-out", 2, Style::Error, code::AUTH_ERR),
        ("unavailable", 2, Style::Error, code::AUTHINFO_UNAVAIL),
        ("allow", 1, Style::Information, code::SUCCESS),
    ] {
        let service = Service::scripted([ask(), step(state, &[(style, "The end.")])]).unwrap();
        let stacks = stacks(&service, "");
        let mut login = Transaction::start(&stacks, "sudo", "alice", Person::answering(["1"])).unwrap();
        assert_eq!(login.authenticate_with(SILENT), expected);
        let expected = [(Style::Visible, "Code: ".to_owned()), (seen, "The end.".to_owned())];
        assert_eq!(login.person().seen, expected);
    }
}

#[test]
fn a_screen_of_four_kilobytes_arrives_whole() {
    let screen = "█▀▄ ".repeat(400);
    let service = Service::scripted([step("ask", &[(4, &screen)]), step("allow", &[])]).unwrap();
    let stacks = stacks(&service, "");
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::answering(["1"])).unwrap();
    assert_eq!(login.authenticate(), code::SUCCESS);
    assert_eq!(login.seen(), [screen]);
}

#[test]
fn the_service_is_told_what_libpam_knows() {
    let service = Service::scripted([step("allow", &[])]).unwrap();
    let stacks = stacks(&service, "");
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    login.set(Item::Tty, "ssh").set(Item::RemoteHost, "client.example.org").set(Item::RequestingUser, "bob");
    login
        .put("SSH_CONNECTION=198.51.100.7 50022 192.0.2.1 22")
        .put("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    login.put("LANG=de_DE.UTF-8");
    assert_eq!(login.authenticate(), code::SUCCESS);
    let begin = &service.calls()[0];
    assert_eq!(begin.text, "alice");
    let mut facts: Vec<_> = begin.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    facts.retain(|(name, _)| *name != SESSION);
    facts.sort_unstable();
    let expected = [
        ("locale", "de_DE.UTF-8"),
        ("phase", "auth"),
        ("remote_host", "client.example.org"),
        ("requesting_user", "bob"),
        ("service", "sshd"),
        ("ssh_auth_info", "publickey ssh-ed25519 AAAA"),
        ("ssh_connection", "198.51.100.7 50022 192.0.2.1 22"),
        ("tty", "ssh"),
    ];
    assert_eq!(facts, expected);
}

#[test]
fn facts_of_ssh_count_in_sshd_only_and_long_ones_are_left_out() {
    let service = Service::scripted([step("allow", &[])]).unwrap();
    let stacks = stacks(&service, "late_first_factor");
    let mut sudo = Transaction::start(&stacks, "sudo", "alice", Person::default()).unwrap();
    sudo.put("SSH_CONNECTION=198.51.100.7 50022 192.0.2.1 22")
        .put("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    sudo.set(Item::Tty, &"t".repeat(513));
    assert_eq!(sudo.authenticate(), code::SUCCESS);
    let mut sshd = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    sshd.put(&format!("SSH_AUTH_INFO_0=publickey {}", "A".repeat(8 * 1024)));
    assert_eq!(sshd.authenticate(), code::SUCCESS);
    let calls = service.calls();
    let names = |call: usize| {
        let mut names: Vec<_> = calls[call].facts.keys().filter(|name| *name != SESSION).cloned().collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(0), ["first_factor", "phase", "service"]);
    assert_eq!(calls[0].facts["first_factor"], "late");
    assert_eq!(names(1), ["first_factor", "phase", "service"]);
}

#[test]
fn a_service_that_the_line_names_is_sshd_and_says_so() {
    let service = Service::scripted([step("lock-out", &[])]).unwrap();
    let stacks = stacks(&service, "sshd=login,sudo");
    let mut login = Transaction::start(&stacks, "sudo", "alice", Person::default()).unwrap();
    login
        .put("SSH_CONNECTION=198.51.100.7 50022 192.0.2.1 22")
        .put("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    assert_eq!(login.authenticate(), code::MAXTRIES);
    let facts = &service.calls()[0].facts;
    assert_eq!((facts["service"].as_str(), facts["ssh_server"].as_str()), ("sudo", "true"));
    assert_eq!(facts["ssh_connection"], "198.51.100.7 50022 192.0.2.1 22");
    assert_eq!(facts["ssh_auth_info"], "publickey ssh-ed25519 AAAA");
}

#[test]
fn a_name_that_changes_during_the_login_is_refused() {
    let service = Service::scripted([ask(), step("allow", &[])]).unwrap();
    let stacks = stacks(&service, "");
    let person = Person::answering([Reaction::Rename(c"root", b"492039".to_vec())]);
    let mut login = Transaction::start(&stacks, "sudo", "alice", person).unwrap();
    assert_eq!(login.authenticate(), code::AUTH_ERR);
    assert_eq!(login.variable(c"COUNTERSIGN_LOGIN"), None);
}

#[test]
fn names_that_are_none_are_refused_before_anybody_is_asked() {
    let service = Service::scripted([step("allow", &[])]).unwrap();
    let stacks = stacks(&service, "");
    let long = "x".repeat(257);
    for user in ["", &long] {
        let mut login = Transaction::start(&stacks, "sudo", user, Person::default()).unwrap();
        assert_ne!(login.authenticate(), code::SUCCESS);
    }
    assert!(service.calls().is_empty());
}

#[test]
fn the_id_of_a_login_goes_through_the_environment_in_ssh_only_and_no_further_than_the_credentials() {
    for (service_name, state, left) in [
        ("sshd", "allow", Some("c42")),
        ("sshd", "skip", Some("c42")),
        ("sshd", "deny", None),
        ("sshd", "unavailable", None),
        ("login", "allow", None),
        ("sudo", "skip", None),
    ] {
        let service = Service::scripted([step(state, &[])]).unwrap();
        let stacks = stacks(&service, "");
        let mut login = Transaction::start(&stacks, service_name, "alice", Person::default()).unwrap();
        login.put("COUNTERSIGN_LOGIN=c1");
        login.authenticate();
        assert_eq!(login.variable(c"COUNTERSIGN_LOGIN").as_deref(), left, "{service_name} {state}");
        login.set_credentials();
        assert_eq!(login.variable(c"COUNTERSIGN_LOGIN"), None, "{service_name} {state}");
    }
    assert!(CONVERSATION.ends_with("/c42"));
}

/// In one process, as login and sudo do it, and in two, as sshd does it.
#[test]
fn the_session_hook_gets_the_id_of_the_login_with_and_without_credentials_in_between() {
    let session: u32 = std::fs::read_to_string("/proc/self/sessionid").unwrap().trim().parse().unwrap();
    for (service_name, sets_credentials) in
        [("login", true), ("login", false), ("sshd", true), ("sshd", false)]
    {
        let service = Service::scripted([step("allow", &[]), Act::Done]).unwrap();
        let stacks = stacks(&service, "");
        let mut login = Transaction::start(&stacks, service_name, "alice", Person::default()).unwrap();
        assert_eq!(login.authenticate(), code::SUCCESS);
        if service_name == "sshd" {
            let id = login.variable(c"COUNTERSIGN_LOGIN").unwrap();
            login = Transaction::start(&stacks, service_name, "alice", Person::default()).unwrap();
            login.put(&format!("COUNTERSIGN_LOGIN={id}"));
        }
        if sets_credentials {
            assert_eq!(login.set_credentials(), code::SUCCESS);
        }
        // Refused where there is no session of the kernel, as ours is the only line.
        login.open_session();
        assert_eq!(login.variable(c"COUNTERSIGN_LOGIN"), None);
        let reports: Vec<_> =
            service.calls().into_iter().filter(|call| call.member == "SessionOpened").collect();
        let expected = if session == u32::MAX { vec![] } else { vec!["c42"] };
        assert_eq!(reports.iter().map(|call| call.text.as_str()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_session_hook_reports_a_session_that_has_an_id() {
    let service = Service::scripted([Act::Done]).unwrap();
    let stacks = Stacks::new().unwrap();
    let lines = format!("session required pam_permit.so\nsession required {{module}} {}", service.option());
    stacks.write("sshd", &lines).unwrap();
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    login.put("COUNTERSIGN_LOGIN=c7");
    assert_eq!(login.open_session(), code::SUCCESS);
    let session: u32 = std::fs::read_to_string("/proc/self/sessionid").unwrap().trim().parse().unwrap();
    let calls = service.calls();
    if session == u32::MAX {
        assert!(calls.is_empty(), "an unset session was reported");
    } else {
        assert_eq!((calls[0].member.as_str(), calls[0].text.as_str()), ("SessionOpened", "c7"));
        assert_eq!(calls[0].session, session);
    }
}

#[test]
fn a_changed_password_is_reported_once_and_a_lost_service_stops_nobody() {
    let service = Service::scripted([Act::Done]).unwrap();
    let reached = stacks(&service, "");
    let mut change = Transaction::start(&reached, "sudo", "alice", Person::default()).unwrap();
    assert_eq!(change.change_password(), code::SUCCESS);
    let calls = service.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].member.as_str(), calls[0].text.as_str()), ("PasswordChanged", "alice"));
    drop(service);
    let mut change = Transaction::start(&reached, "sudo", "alice", Person::default()).unwrap();
    assert_eq!(change.change_password(), code::SUCCESS);
}

#[test]
fn the_module_names_libpam_stays_mapped_and_exports_its_hooks_only() {
    let module = countersign_tests::pam::module();
    let read = |program: &str, option: &str| {
        let output = std::process::Command::new(program).args([option.as_ref(), module.as_os_str()]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let dynamic = read("readelf", "-dW");
    assert!(dynamic.contains("[libpam.so.0]"), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    let exported = read("readelf", "--dyn-syms");
    let hooks = exported.lines().filter(|line| line.contains(" GLOBAL ") && !line.contains(" UND "));
    let mut names: Vec<_> = hooks.filter_map(|line| line.split_whitespace().last()).collect();
    names.sort_unstable();
    let all = ["acct_mgmt", "authenticate", "chauthtok", "close_session", "open_session", "setcred"];
    assert_eq!(names, all.map(|name| format!("pam_sm_{name}")));
}
