//! The scripted mail server itself, with a client that checks: what it takes, what it shows, how it fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use countersign_tests::smtp::Server;
use countersign_tests::smtp::certificate::{Authority, NAME, Trust};
use countersign_tests::smtp::script::{ALWAYS, Fault, ONCE, Script, Security, Step};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport as _};

const SOON: Duration = Duration::from_secs(5);

fn send(server: &Server, authority: &Authority, implicit: bool) -> Result<(), String> {
    let certificate = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let tls =
        TlsParameters::builder(NAME.to_owned()).add_root_certificate(certificate).build_rustls().unwrap();
    let tls = if implicit { Tls::Wrapper(tls) } else { Tls::Required(tls) };
    let transport = SmtpTransport::builder_dangerous(NAME)
        .port(server.port())
        .tls(tls)
        .timeout(Some(Duration::from_secs(2)))
        .credentials(Credentials::new("mailer".to_owned(), "s3cret-word".to_owned()))
        .build();
    let to = "Ann <ann@example.org>".parse().unwrap();
    let message = Message::builder().from("login@example.org".parse().unwrap()).to(to).subject("1234 5678");
    let sent = transport.send(&message.body("The code is 1234 5678\r\n.\r\n".to_owned()).unwrap());
    sent.map(drop).map_err(|error| format!("{error:?}"))
}

fn good(authority: &Authority, security: Security) -> Script {
    Script::new(security, authority.certify(Trust::Valid).unwrap()).with_login("mailer", "s3cret-word")
}

#[test]
fn a_good_server_takes_a_mail_and_shows_nothing_on_the_line() {
    let authority = Authority::new().unwrap();
    for (security, implicit) in [(Security::Implicit, true), (Security::StartTls, false)] {
        let server = Server::start(good(&authority, security)).unwrap();
        send(&server, &authority, implicit).unwrap();
        let mails = server.wait_for_mails(1, SOON);
        assert_eq!((mails.len(), mails[0].recipients.as_slice()), (1, &["ann@example.org".to_owned()][..]));
        assert!(mails[0].encrypted && mails[0].user.as_deref() == Some("mailer"), "{mails:?}");
        assert!(mails[0].data.contains("Subject: 1234 5678\r\n") && mails[0].data.contains("\r\n.\r\n"));
        assert!(!server.crossed_in_clear("s3cret-word") && !server.crossed_in_clear("1234 5678"));
        assert!(!server.line().is_empty());
    }
}

#[test]
fn a_client_that_checks_gives_a_bad_server_nothing() {
    let authority = Authority::new().unwrap();
    let all = [Trust::SelfSigned, Trust::Expired, Trust::OtherName, Trust::OtherAuthority];
    let certified = all.map(|trust| (Security::Implicit, trust));
    let security = [Security::NotOffered, Security::Garbled, Security::Refused, Security::Pretended];
    let stripped = security.map(|security| (security, Trust::Valid));
    for (security, trust) in certified.into_iter().chain(stripped).chain([(Security::Tls10, Trust::Valid)]) {
        let script =
            Script::new(security, authority.certify(trust).unwrap()).with_login("mailer", "s3cret-word");
        let server = Server::start(script).unwrap();
        let error = send(&server, &authority, matches!(security, Security::Implicit | Security::Tls10));
        assert!(error.is_err(), "{security:?} {trust:?}");
        assert!(server.mails().is_empty() && !server.crossed_in_clear("s3cret-word"));
        assert!(server.connections() == 1 && !server.line().is_empty(), "{security:?} {trust:?}: {error:?}");
    }
}

#[test]
fn a_server_in_the_clear_shows_what_crosses() {
    let authority = Authority::new().unwrap();
    let server = Server::start(Script::in_the_clear()).unwrap();
    let transport = SmtpTransport::builder_dangerous(NAME).port(server.port()).build();
    let message =
        Message::builder().from("a@example.org".parse().unwrap()).to("b@example.org".parse().unwrap());
    transport.send(&message.subject("s3cret-word").body(String::new()).unwrap()).unwrap();
    assert!(server.crossed_in_clear("s3cret-word"));
    drop(authority);
}

#[test]
fn a_fault_happens_as_often_as_it_is_told() {
    let authority = Authority::new().unwrap();
    for step in
        [Step::Greeting, Step::Hello, Step::Login, Step::Sender, Step::Recipient, Step::Data, Step::Body]
    {
        let fault = Fault::Reply("451 4.7.1 not now");
        let server = Server::start(good(&authority, Security::Implicit).fault(step, fault, ONCE)).unwrap();
        assert!(send(&server, &authority, true).unwrap_err().contains("not now"), "{step:?}");
        assert!(server.mails().is_empty(), "{step:?}");
        send(&server, &authority, true).unwrap();
        assert_eq!(server.wait_for_mails(1, SOON).len(), 1);
    }
}

#[test]
fn a_mail_whose_answer_is_lost_was_taken() {
    let authority = Authority::new().unwrap();
    let script = good(&authority, Security::Implicit).fault(Step::Body, Fault::Drop, ONCE);
    let server = Server::start(script).unwrap();
    send(&server, &authority, true).unwrap_err();
    assert_eq!(server.wait_for_mails(1, SOON).len(), 1);
}

#[test]
fn a_silent_server_ends_with_its_test() {
    let authority = Authority::new().unwrap();
    let silence = Fault::Silence(Duration::from_mins(1));
    let server =
        Server::start(good(&authority, Security::Implicit).fault(Step::Greeting, silence, ALWAYS)).unwrap();
    let begun = Instant::now();
    send(&server, &authority, true).unwrap_err();
    drop(server);
    assert!(begun.elapsed() < Duration::from_secs(20));
}
