//! The module under real libpam with a service that does not behave: refused, in bounded time, never let in.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use countersign_tests::pam::{Person, Stacks, Transaction, code};
use countersign_tests::service::{Act, Manners, Service, ask, step};

/// What the module says where the service has left no sentence of its own on this host.
const UNAVAILABLE: &str = "Your code cannot be checked, because the service that checks it does not answer. Try again in a \
                           minute, or ask your administrator.";

fn stacks(options: &str) -> Stacks {
    let stacks = Stacks::new().unwrap();
    let lines = format!("auth required pam_permit.so\nauth required {{module}} {options}");
    stacks.write("sudo", &lines).unwrap();
    stacks
}

/// Logs in, and returns the code, how long it took and what was seen.
fn log_in(options: &str) -> (i32, Duration, Vec<String>) {
    let stacks = stacks(options);
    let person = Person::answering(["492039", "492039", "492039"]);
    let mut login = Transaction::start(&stacks, "sudo", "alice", person).unwrap();
    let begun = Instant::now();
    let result = login.authenticate();
    let took = begun.elapsed();
    login.set_credentials();
    (result, took, login.seen())
}

#[test]
fn without_a_service_the_login_is_refused_at_once_with_a_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("login.sock");
    let (result, took, seen) = log_in(&format!("socket={}", nowhere.display()));
    assert_eq!(result, code::AUTHINFO_UNAVAIL);
    assert!(took < Duration::from_secs(1));
    assert_eq!(seen, [UNAVAILABLE]);
    drop(UnixListener::bind(&nowhere).unwrap());
    assert_eq!(log_in(&format!("socket={}", nowhere.display())).0, code::AUTHINFO_UNAVAIL);
    std::fs::remove_file(&nowhere).unwrap();
    std::fs::write(&nowhere, "a file").unwrap();
    assert_eq!(log_in(&format!("socket={}", nowhere.display())).0, code::AUTHINFO_UNAVAIL);
    assert_eq!(log_in(&format!("socket=/{}", "x".repeat(200))).0, code::AUTHINFO_UNAVAIL);
}

#[test]
fn a_service_that_vanishes_or_fails_refuses() {
    for acts in [
        vec![Act::Vanish],
        vec![ask(), Act::Vanish],
        vec![ask(), ask(), Act::Vanish],
        vec![Act::Error("org.countersign1.Error.Unavailable".to_owned())],
        vec![ask(), Act::Error("org.countersign1.Error.Unavailable".to_owned())],
        vec![Act::Error("org.countersign1.Error.LimitReached".to_owned())],
        vec![Act::Error("org.countersign1.Error.InvalidArgument".to_owned())],
        vec![Act::Error("org.countersign1.Error.NoSuchUser".to_owned())],
        vec![Act::Error("org.countersign1.Error.Refused".to_owned())],
        vec![Act::Error("org.freedesktop.DBus.Error.Failed".to_owned())],
        vec![ask(), Act::Error("org.freedesktop.DBus.Error.UnknownObject".to_owned())],
        vec![Act::Error("allow.allow".to_owned())],
        vec![Act::Done],
        vec![ask(), Act::Done],
    ] {
        let service = Service::scripted(acts).unwrap();
        let (result, took, seen) = log_in(&service.option());
        assert_eq!(result, code::AUTHINFO_UNAVAIL);
        assert!(took < Duration::from_secs(2));
        assert_eq!(seen.last().map(String::as_str), Some(UNAVAILABLE));
    }
}

#[test]
fn who_may_not_ask_gets_permission_denied() {
    for name in ["org.countersign1.Error.NotPermitted", "org.freedesktop.DBus.Error.AccessDenied"] {
        let service = Service::scripted([Act::Error(name.to_owned())]).unwrap();
        assert_eq!(log_in(&service.option()).0, code::PERM_DENIED);
    }
}

#[test]
fn silence_is_waited_for_as_long_as_the_line_says_and_no_longer() {
    for acts in [vec![Act::Silence], vec![ask(), Act::Silence]] {
        let service = Service::scripted(acts).unwrap();
        let (result, took, _) = log_in(&format!("{} timeout=1", service.option()));
        assert_eq!(result, code::AUTHINFO_UNAVAIL);
        assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");
    }
    let mute = Service::with_manners(Manners::Mute).unwrap();
    let (result, took, _) = log_in(&format!("{} timeout=1", mute.option()));
    assert_eq!(result, code::AUTHINFO_UNAVAIL);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn without_an_option_a_silent_service_is_given_five_seconds() {
    let service = Service::scripted([Act::Silence]).unwrap();
    let (result, took, _) = log_in(&service.option());
    assert_eq!(result, code::AUTHINFO_UNAVAIL);
    assert!(took >= Duration::from_secs(4) && took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn the_time_of_all_replies_together_is_limited() {
    let slow = |act: Act| Act::Late(Duration::from_millis(700), Box::new(act));
    let service = Service::scripted([slow(ask()), slow(ask()), slow(ask()), slow(ask())]).unwrap();
    let (result, took, _) = log_in(&format!("{} timeout=1", service.option()));
    assert_eq!(result, code::AUTHINFO_UNAVAIL);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_late_reply_lets_nobody_in() {
    let late = Act::Late(Duration::from_millis(1300), Box::new(step("allow", &[])));
    let service = Service::scripted([late]).unwrap();
    let (result, _, _) = log_in(&format!("{} timeout=1", service.option()));
    assert_eq!(result, code::AUTHINFO_UNAVAIL);
}

#[test]
fn a_second_reply_to_one_call_changes_nothing() {
    let twice = Act::Twice(Box::new(ask()), Box::new(step("allow", &[])));
    let service = Service::scripted([twice, step("deny", &[])]).unwrap();
    assert_eq!(log_in(&service.option()).0, code::AUTH_ERR);
    let twice = Act::Twice(Box::new(step("deny", &[])), Box::new(step("allow", &[])));
    let service = Service::scripted([ask(), twice]).unwrap();
    assert_eq!(log_in(&service.option()).0, code::AUTH_ERR);
}

#[test]
fn a_full_backlog_is_waited_for_and_no_longer_than_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("login.sock");
    let _full = full_backlog(&path);
    let (result, took, _) = log_in(&format!("socket={} timeout=1", path.display()));
    assert_eq!(result, code::AUTHINFO_UNAVAIL);
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");
}

/// A listener that accepts nobody and whose queue is full.
fn full_backlog(
    path: &std::path::Path,
) -> (nix::sys::socket::Backlog, std::os::fd::OwnedFd, Vec<UnixStream>) {
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
    use std::os::fd::AsRawFd;
    let listener = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None).unwrap();
    bind(listener.as_raw_fd(), &UnixAddr::new(path).unwrap()).unwrap();
    let backlog = Backlog::new(0).unwrap();
    listen(&listener, backlog).unwrap();
    let waiting = vec![UnixStream::connect(path).unwrap()];
    (backlog, listener, waiting)
}

#[test]
fn a_handshake_of_another_kind_is_refused() {
    for says in [
        &b"REJECTED EXTERNAL\r\n"[..],
        b"OK\r\n",
        b"OK 0123\r\n",
        b"OK 0123456789abcdef0123456789abcdeg\r\n",
        b"OK 0123456789abcdef0123456789abcdef\r\nOK again\r\n",
        b"\r\n",
        b"\n",
        b"",
        b"OK 0123456789abcdef0123456789abcdef",
        b"\xff\xfe\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
        let service = Service::with_manners(Manners::Says(says.to_vec())).unwrap();
        assert_eq!(log_in(&service.option()).0, code::AUTHINFO_UNAVAIL);
    }
    let endless = Service::with_manners(Manners::Says(vec![b'x'; 1 << 20])).unwrap();
    assert_eq!(log_in(&endless.option()).0, code::AUTHINFO_UNAVAIL);
}

#[test]
fn a_service_that_asks_without_end_is_refused() {
    let service = Service::acting(|_, _| ask()).unwrap();
    let stacks = stacks(&service.option());
    let person = Person::answering(vec!["x"; 100]);
    let mut login = Transaction::start(&stacks, "sudo", "alice", person).unwrap();
    assert_eq!(login.authenticate(), code::AUTHINFO_UNAVAIL);
    let members = service.members();
    assert_eq!(members.iter().filter(|member| *member == "Answer").count(), 32);
    assert_eq!(members.last().map(String::as_str), Some("Cancel"));
}

#[test]
fn malformed_steps_are_refused_and_cancelled() {
    let huge = "x".repeat(4097);
    for (state, lines) in [
        ("ask", vec![]),
        ("ask", vec![(1, "only a text")]),
        ("ask", vec![(4, "Code: "), (1, "after")]),
        ("ask", vec![(4, "Code: "), (4, "Code: ")]),
        ("allow", vec![(4, "Code: ")]),
        ("allow", vec![(0, "x")]),
        ("allow", vec![(6, "x")]),
        ("allow", vec![(1, "\u{1b}]52;c;x\u{7}")]),
        ("allow", vec![(1, "\u{202e}x")]),
        ("allow", vec![(1, huge.as_str())]),
        ("allow", vec![(1, ""); 17]),
        ("allow\n", vec![]),
        ("ALLOW", vec![]),
        ("success", vec![]),
    ] {
        for acts in [vec![step(state, &lines)], vec![ask(), step(state, &lines)]] {
            let service = Service::scripted(acts).unwrap();
            let (result, _, seen) = log_in(&service.option());
            assert_eq!(result, code::AUTHINFO_UNAVAIL, "{state} {lines:?}");
            assert!(seen.iter().all(|text| text == "Code: " || text == UNAVAILABLE), "{seen:?}");
            assert_eq!(service.members().last().map(String::as_str), Some("Cancel"), "{state} {lines:?}");
        }
    }
}
