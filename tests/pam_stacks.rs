//! The module in whole stacks under real libpam: what the codes come to (SECURITY.md 9), `first_factor`, `require_auth`.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use countersign_tests::pam::{Person, Stacks, Style, Transaction, code};
use countersign_tests::service::{Service, ask, step};

fn authenticate(state: &str, lines: &str) -> i32 {
    let service = Service::scripted([step(state, &[])]).unwrap();
    let stacks = Stacks::new().unwrap();
    stacks.write("sudo", &lines.replace("{us}", &format!("{{module}} {}", service.option()))).unwrap();
    let mut login = Transaction::start(&stacks, "sudo", "alice", Person::default()).unwrap();
    let result = login.authenticate();
    if result == code::SUCCESS {
        assert_eq!(login.set_credentials(), code::SUCCESS);
    }
    result
}

#[test]
fn codes_come_to_what_was_measured() {
    let die = "[success=ok ignore=ignore default=die]";
    for (state, lines, expected) in [
        // A stack of nothing but IGNORE refuses.
        ("skip", "auth required {us}".to_owned(), code::PERM_DENIED),
        ("skip", "auth sufficient {us}".to_owned(), code::PERM_DENIED),
        ("skip", "auth optional {us}".to_owned(), code::PERM_DENIED),
        ("skip", "auth required pam_permit.so\nauth required {us}".to_owned(), code::SUCCESS),
        ("skip", format!("auth required pam_permit.so\nauth {die} {{us}}"), code::SUCCESS),
        (
            "skip",
            "auth required pam_permit.so\nauth [success=ok default=die] {us}".to_owned(),
            code::PERM_DENIED,
        ),
        ("unavailable", "auth required pam_permit.so\nauth required {us}".to_owned(), code::AUTHINFO_UNAVAIL),
        ("unavailable", format!("auth required pam_permit.so\nauth {die} {{us}}"), code::AUTHINFO_UNAVAIL),
        ("deny", format!("auth required pam_permit.so\nauth {die} {{us}}"), code::AUTH_ERR),
        ("allow", format!("auth required pam_permit.so\nauth {die} {{us}}"), code::SUCCESS),
        ("allow", format!("auth {die} {{us}}"), code::SUCCESS),
        // The holes that `doctor` has to name: never reached, or not heeded.
        ("deny", "auth sufficient pam_permit.so\nauth required {us}".to_owned(), code::SUCCESS),
        ("deny", "auth [success=done] pam_permit.so\nauth required {us}".to_owned(), code::SUCCESS),
        ("deny", "auth required pam_permit.so\nauth optional {us}".to_owned(), code::SUCCESS),
    ] {
        assert_eq!(authenticate(state, &lines), expected, "{state}: {lines}");
    }
}

#[test]
fn a_wrong_first_factor_is_never_followed_by_our_prompt() {
    let service = Service::scripted([ask(), step("allow", &[])]).unwrap();
    let stacks = Stacks::new().unwrap();
    let lines = format!(
        "auth requisite pam_deny.so\nauth [success=ok ignore=ignore default=die] {{module}} {}",
        service.option()
    );
    stacks.write("sudo", &lines).unwrap();
    let mut login = Transaction::start(&stacks, "sudo", "alice", Person::answering(["492039"])).unwrap();
    assert_eq!(login.authenticate(), code::AUTH_ERR);
    assert!(service.calls().is_empty());
}

/// The shipped stack for public keys, with `pam_deny` in the place of a password that nobody knows.
fn public_key_stack(name: &str, service: &Service) -> Stacks {
    public_key_stack_with(name, service, "")
}

fn public_key_stack_with(name: &str, service: &Service, more: &str) -> Stacks {
    let stacks = Stacks::new().unwrap();
    let lines = format!(
        "auth [success=1 default=ignore] {{module}} first_factor {more}\n\
         auth requisite pam_deny.so\n\
         auth required pam_permit.so\n\
         auth [success=ok ignore=ignore default=die] {{module}} {0} {more}\n\
         account required pam_permit.so\n\
         account required {{module}} require_auth {0} {more}",
        service.option()
    );
    stacks.write(name, &lines).unwrap();
    stacks
}

#[test]
fn a_public_key_in_sshd_is_a_first_factor_and_nothing_else_is() {
    for (name, info, expected) in [
        ("sshd", Some("publickey ssh-ed25519 AAAA"), code::SUCCESS),
        ("sshd", Some("hostbased x\npublickey ssh-ed25519 AAAA"), code::SUCCESS),
        ("sshd", Some("password"), code::AUTH_ERR),
        ("sshd", Some("publickeys x"), code::AUTH_ERR),
        ("sshd", Some("x publickey"), code::AUTH_ERR),
        ("sshd", Some(""), code::AUTH_ERR),
        ("sshd", None, code::AUTH_ERR),
        ("sudo", Some("publickey ssh-ed25519 AAAA"), code::AUTH_ERR),
        ("sshd2", Some("publickey ssh-ed25519 AAAA"), code::AUTH_ERR),
    ] {
        let service = Service::scripted([ask(), step("allow", &[])]).unwrap();
        let stacks = public_key_stack(name, &service);
        let mut login = Transaction::start(&stacks, name, "alice", Person::answering(["492039"])).unwrap();
        if let Some(info) = info {
            login.put(&format!("SSH_AUTH_INFO_0={info}"));
        }
        assert_eq!(login.authenticate(), expected, "{name} {info:?}");
        assert_eq!(service.calls().is_empty(), expected != code::SUCCESS, "the code was asked first");
    }
}

#[test]
fn a_public_key_is_a_first_factor_in_a_service_that_the_line_names() {
    for (more, expected) in [
        ("sshd=sshd-sftp", code::SUCCESS),
        ("sshd=other,sshd-sftp", code::SUCCESS),
        ("sshd=other", code::AUTH_ERR),
        ("", code::AUTH_ERR),
    ] {
        let service = Service::scripted([ask(), step("allow", &[])]).unwrap();
        let stacks = public_key_stack_with("sshd-sftp", &service, more);
        let mut login =
            Transaction::start(&stacks, "sshd-sftp", "alice", Person::answering(["492039"])).unwrap();
        login.put("SSH_CONNECTION=198.51.100.7 50022 192.0.2.1 22");
        login.put("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
        assert_eq!(login.authenticate(), expected, "{more}");
    }
}

#[test]
fn an_exempt_login_by_key_passes_although_everything_else_is_ignored() {
    let service = Service::scripted([step("skip", &[])]).unwrap();
    let stacks = public_key_stack("sshd", &service);
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    login.put("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    assert_eq!(login.authenticate(), code::SUCCESS);
    assert_eq!(login.account(), code::SUCCESS);
    assert_eq!(service.members(), ["Begin"], "account asked again");
}

/// Runs `account` alone, as after a public key, against a service in this state; returns also what was shown.
fn account_alone(name: &str, state: &str) -> (i32, Vec<String>, Vec<String>) {
    let prompt = [(4, "Code: ")];
    let first = step(state, if state == "ask" { &prompt } else { &[] });
    let service = Service::scripted([first]).unwrap();
    let stacks = public_key_stack(name, &service);
    let mut login = Transaction::start(&stacks, name, "alice", Person::answering(["492039"])).unwrap();
    let result = login.account();
    let seen = login.seen();
    drop(login);
    (result, service.members(), seen)
}

#[test]
fn the_backstop_lets_pass_whom_policy_lets_in_and_refuses_all_others() {
    for (state, expected) in [
        ("allow", code::SUCCESS),
        ("skip", code::SUCCESS),
        ("deny", code::PERM_DENIED),
        ("lock-out", code::PERM_DENIED),
        ("unavailable", code::PERM_DENIED),
        ("done", code::PERM_DENIED),
        ("nonsense", code::PERM_DENIED),
    ] {
        assert_eq!(account_alone("sshd", state).0, expected, "{state}");
    }
    let (result, members, seen) = account_alone("sshd", "ask");
    assert_eq!((result, members), (code::PERM_DENIED, vec!["Begin".to_owned(), "Cancel".to_owned()]));
    assert_eq!(seen, [""; 0], "account asked");
}

/// sshd shows what comes in `account` as a banner, also where it refuses.
#[test]
fn the_backstop_says_why_it_refuses_and_that_the_service_does_not_answer() {
    let service = Service::scripted([step("deny", &[(2, "A code is needed here.")])]).unwrap();
    let stacks = public_key_stack("sshd", &service);
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    assert_eq!(login.account(), code::PERM_DENIED);
    assert_eq!(login.person().seen, [(Style::Error, "A code is needed here.".to_owned())]);
    drop(service);
    for state in ["unavailable", "nonsense"] {
        let seen = account_alone("sshd", state).2;
        assert!(seen.len() == 1 && seen[0].contains("does not answer"), "{state}: {seen:?}");
    }
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    assert_eq!(login.account(), code::PERM_DENIED);
    assert!(login.seen().concat().contains("does not answer"), "{:?}", login.seen());
}

#[test]
fn the_backstop_says_which_phase_it_is() {
    let service = Service::scripted([step("skip", &[])]).unwrap();
    let stacks = public_key_stack("sshd", &service);
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    assert_eq!(login.account(), code::SUCCESS);
    assert_eq!(service.calls()[0].facts["phase"], "account");
}

#[test]
fn the_backstop_is_for_ssh_servers_only() {
    for name in ["sudo", "su", "login", "cron", "vsftpd", "gdm-password"] {
        assert_eq!(account_alone(name, "deny"), (code::SUCCESS, vec![], vec![]), "{name}");
    }
}

/// sshd linked under another name: `account` follows policy there too, named or not, and what an unnamed one says of the key
/// does not count.
#[test]
fn the_backstop_knows_an_ssh_server_by_its_marks_whatever_its_service_is_called() {
    let connection: fn(&mut Transaction) = |login| {
        login.put("SSH_CONNECTION=198.51.100.7 50022 192.0.2.1 22");
    };
    let terminal: fn(&mut Transaction) = |login| {
        login.set(countersign_tests::pam::Item::Tty, "ssh");
    };
    for (more, counts) in [("", false), ("sshd=sshd-sftp", true), ("sshd=sftpd", false)] {
        for (mark, state, expected) in [
            (connection, "deny", code::PERM_DENIED),
            (terminal, "deny", code::PERM_DENIED),
            (connection, "skip", code::SUCCESS),
            (terminal, "unavailable", code::PERM_DENIED),
        ] {
            let service = Service::scripted([step(state, &[])]).unwrap();
            let stacks = public_key_stack_with("sshd-sftp", &service, more);
            let mut login = Transaction::start(&stacks, "sshd-sftp", "alice", Person::default()).unwrap();
            mark(&mut login);
            login.put("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
            assert_eq!(login.account(), expected, "{more} {state}");
            let told = service.calls().remove(0).facts;
            assert_eq!(told.contains_key("ssh_auth_info"), counts, "{more}: {told:?}");
            assert_eq!(told.contains_key("ssh_server"), counts, "{more}: {told:?}");
            assert_eq!(told["service"], "sshd-sftp");
        }
    }
}

#[test]
fn a_named_service_needs_no_marks() {
    let service = Service::scripted([step("deny", &[])]).unwrap();
    let stacks = public_key_stack_with("sshd-sftp", &service, "sshd=sshd-sftp");
    let mut login = Transaction::start(&stacks, "sshd-sftp", "alice", Person::default()).unwrap();
    assert_eq!(login.account(), code::PERM_DENIED);
}

#[test]
fn the_backstop_refuses_without_a_service() {
    let service = Service::scripted([]).unwrap();
    let stacks = public_key_stack("sshd", &service);
    drop(service);
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    assert_eq!(login.account(), code::PERM_DENIED);
}

#[test]
fn a_code_of_this_handle_is_enough_and_of_another_person_is_not() {
    let service = Service::scripted([ask(), step("allow", &[])]).unwrap();
    let stacks = public_key_stack("sshd", &service);
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::answering(["492039"])).unwrap();
    login.put("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    assert_eq!(login.authenticate(), code::SUCCESS);
    assert_eq!(login.account(), code::SUCCESS);
    login.set(countersign_tests::pam::Item::User, "root");
    assert_eq!(login.account(), code::PERM_DENIED);
    assert_eq!(service.members(), ["Begin", "Answer"]);
}

#[test]
fn a_refusal_takes_back_an_earlier_success_of_the_same_handle() {
    let rounds = std::sync::atomic::AtomicUsize::new(0);
    let service = Service::acting(move |_, _| {
        let first = rounds.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        step(if first { "allow" } else { "deny" }, &[])
    })
    .unwrap();
    let stacks = public_key_stack("sshd", &service);
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    login.put("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    assert_eq!(login.authenticate(), code::SUCCESS);
    assert_eq!(login.authenticate(), code::AUTH_ERR);
    assert_eq!(login.account(), code::PERM_DENIED);
}

#[test]
fn environment_alone_never_satisfies_the_backstop() {
    let service = Service::scripted([step("deny", &[])]).unwrap();
    let stacks = public_key_stack("sshd", &service);
    let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
    login.put("COUNTERSIGN_LOGIN=c42").put("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    assert_eq!(login.account(), code::PERM_DENIED);
}

#[test]
fn options_of_another_kind_of_line_are_refused() {
    for (line, account, expected) in [
        ("auth required {module} require_auth", false, code::SERVICE_ERR),
        ("account required {module} first_factor", true, code::SERVICE_ERR),
        ("account required {module} late_first_factor", true, code::SERVICE_ERR),
        ("account required {module} requre_auth", true, code::SERVICE_ERR),
        ("account required {module} require_auth sshd=", true, code::SERVICE_ERR),
        ("account required {module} require_auth sshd=SSHD2", true, code::SERVICE_ERR),
    ] {
        let stacks = Stacks::new().unwrap();
        stacks
            .write("sshd", &format!("{line}\nauth required pam_permit.so\naccount required pam_permit.so"))
            .unwrap();
        let mut login = Transaction::start(&stacks, "sshd", "alice", Person::default()).unwrap();
        let result = if account { login.account() } else { login.authenticate() };
        assert_eq!(result, expected, "{line}");
    }
}
