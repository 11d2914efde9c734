//! E-mail against a server that fails as it is told: what is taken, what is tried again, what never crosses in the clear.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "each test file uses its part")]
mod letters;
#[expect(unreachable_pub, dead_code, reason = "the mail server of the end-to-end tests")]
#[path = "../../tests/harness/smtp/mod.rs"]
mod smtp;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use countersign_config::{EmailServer, Security};
use countersign_core::contact::EmailAddress;
use countersignd::delivery::credentials::Credentials;
use countersignd::delivery::email::Email;
use countersignd::delivery::{Attempt, Channel as _};
use mail_parser::MessageParser;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use letters::{CODE, mail};
use smtp::Server;
use smtp::certificate::{Authority, Trust};
use smtp::script::{ALWAYS, Fault, ONCE, Script, Security as Line, Step};

const PASSWORD: &str = "s3cret-pässword";

/// A mail server, and our side's settings for it.
struct Place {
    server: Server,
    settings: EmailServer,
    folder: TempDir,
}

impl Place {
    fn new(line: Line, trust: Trust) -> Self {
        Self::with(line, trust, |script| script)
    }

    fn with(line: Line, trust: Trust, change: impl FnOnce(Script) -> Script) -> Self {
        let authority = Authority::new().unwrap();
        let script = match line {
            Line::NotOffered => Script::in_the_clear(),
            _ => Script::new(line, authority.certify(trust).unwrap()),
        };
        let server = Server::start(change(script.with_login("mailer", PASSWORD))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (ca_file, password) = (folder.path().join("ca.pem"), folder.path().join("email-password"));
        fs::write(&ca_file, authority.pem()).unwrap();
        fs::write(&password, format!("{PASSWORD}\n")).unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        let security = match line {
            Line::Implicit | Line::Tls10 => Security::Tls,
            _ => Security::StartTls,
        };
        let settings = EmailServer {
            host: "localhost".to_owned(),
            port: server.port(),
            security,
            ca_file: Some(ca_file),
            user: Some("mailer".to_owned()),
            password_file: Some(password),
            from_name: Some("Hochschule Köln, Anmeldung".to_owned()),
            from: EmailAddress::try_from("login@example.org").unwrap(),
            hello: None,
            timeout: Duration::from_secs(3),
        };
        Self { server, settings, folder }
    }

    async fn deliver(&self) -> Attempt {
        let credentials = Credentials::of(Some(self.folder.path().to_owned()));
        Email::new(&self.settings, &credentials).unwrap().deliver(&mail("alice@example.org")).await
    }

    /// Nothing that a listener on the line must not learn was there to be read, and nobody got the message.
    fn assert_nothing_crossed(&self) {
        for secret in [CODE, PASSWORD] {
            assert!(!self.server.crossed_in_clear(secret), "{secret}");
        }
        assert_eq!(self.server.mails(), []);
    }
}

fn reason(attempt: &Attempt) -> &str {
    match attempt {
        Attempt::Taken => "",
        Attempt::Refused(reason)
        | Attempt::NotNow(reason)
        | Attempt::Unknown(reason)
        | Attempt::NotConfigured(reason) => reason,
    }
}

#[tokio::test]
async fn a_message_arrives_once_in_tls_to_one_recipient() {
    for line in [Line::Implicit, Line::StartTls] {
        let place = Place::new(line, Trust::Valid);
        assert_eq!(place.deliver().await, Attempt::Taken, "{line:?}");
        let mails = place.server.mails();
        let [mail] = mails.as_slice() else { panic!("{mails:?}") };
        assert_eq!(mail.recipients, ["alice@example.org"]);
        assert_eq!((mail.from.as_str(), mail.user.as_deref()), ("login@example.org", Some("mailer")));
        assert!(mail.encrypted);
        assert!(mail.data.is_ascii(), "{}", mail.data);
        for secret in [CODE, PASSWORD] {
            assert!(!place.server.crossed_in_clear(secret), "{secret} in {line:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_wants_a_domain_in_ehlo_gets_a_name_with_one_or_an_address() {
    for line in [Line::Implicit, Line::StartTls] {
        let mut place = Place::new(line, Trust::Valid);
        assert_eq!(place.deliver().await, Attempt::Taken, "an address, whatever this host is called");
        place.settings.hello = Some("web1.example.org".to_owned());
        assert_eq!(place.deliver().await, Attempt::Taken);
        place.settings.hello = Some("web1".to_owned());
        assert!(reason(&place.deliver().await).contains("504"), "the server is as strict as it says");
    }
}

#[tokio::test]
async fn a_mail_program_reads_the_message_as_it_was_written() {
    let place = Place::new(Line::Implicit, Trust::Valid);
    assert_eq!(place.deliver().await, Attempt::Taken);
    let mails = place.server.mails();
    let data = &mails[0].data;
    let read = MessageParser::default().parse(data.as_bytes()).unwrap();
    let subject = read.subject().unwrap();
    assert_eq!(subject.split(' ').next(), Some(CODE), "the code is the first word");
    assert!(subject.ends_with("straße.example.org"), "{subject}");
    let text = read.body_text(0).unwrap().replace("\r\n", "\n");
    assert!(text.contains(CODE) && text.contains("Für den Fall") && text.contains("\n.\n"), "{text}");
    assert!(read.body_html(0).unwrap().contains("日本語"));
    let from = read.from().unwrap().first().unwrap();
    assert_eq!(from.name(), Some("Hochschule Köln, Anmeldung"));
    assert_eq!(from.address(), Some("login@example.org"));
    let to: Vec<_> = read.to().unwrap().iter().filter_map(|to| to.address()).collect();
    assert_eq!(to, ["alice@example.org"]);
    assert!(read.cc().is_none() && read.bcc().is_none());
    assert_eq!(read.date().unwrap().to_timestamp(), 1_790_000_000);
    let id = read.message_id().unwrap();
    assert!(id.len() == 32 + "@example.org".len() && id.ends_with("@example.org"), "{id}");
    for field in ["Auto-Submitted: auto-generated\r\n", "X-Auto-Response-Suppress: All\r\n"] {
        assert!(data.contains(field), "{data}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_learns_nothing() {
    for line in [Line::Implicit, Line::StartTls] {
        for trust in [Trust::SelfSigned, Trust::Expired, Trust::OtherName, Trust::OtherAuthority] {
            let place = Place::new(line, trust);
            let attempt = place.deliver().await;
            assert!(matches!(attempt, Attempt::NotNow(_)), "{line:?} {trust:?}: {attempt:?}");
            assert!(reason(&attempt).contains("certificate"), "{attempt:?}");
            place.assert_nothing_crossed();
        }
    }
}

#[tokio::test]
async fn without_tls_nothing_is_said() {
    for line in [Line::NotOffered, Line::Garbled, Line::Refused, Line::Pretended, Line::Tls10] {
        let place = Place::new(line, Trust::Valid);
        let attempt = place.deliver().await;
        assert!(matches!(attempt, Attempt::NotNow(_)), "{line:?}: {attempt:?}");
        place.assert_nothing_crossed();
        let commands = place.server.commands();
        assert!(
            !commands.iter().any(|command| command == "AUTH" || command.starts_with("MAIL")),
            "{commands:?}"
        );
    }
}

/// Stands between client and server, and adds to what the server says in the clear about STARTTLS.
async fn meddle(listener: TcpListener, port: u16) {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut from_client, mut from_server) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => match read {
                Ok(count) if count > 0 => server.write_all(&from_client[..count]).await.unwrap(),
                _ => return,
            },
            read = server.read(&mut from_server) => match read {
                Ok(count) if count > 0 => {
                    let mut said = from_server[..count].to_vec();
                    if said.starts_with(b"220 2.0.0 ready") {
                        said.extend(b"250-localhost\r\n250 AUTH PLAIN\r\n");
                    }
                    client.write_all(&said).await.unwrap();
                }
                _ => return,
            },
        }
    }
}

#[tokio::test]
async fn what_is_put_behind_the_answer_to_starttls_ends_the_connection() {
    let mut place = Place::new(Line::StartTls, Trust::Valid);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(meddle(listener, place.settings.port));
    place.settings.port = port;
    let attempt = place.deliver().await;
    assert!(matches!(attempt, Attempt::NotNow(_)), "{attempt:?}");
    place.assert_nothing_crossed();
    let commands = place.server.commands();
    assert!(
        !commands.iter().any(|command| command == "AUTH"),
        "no login after words of another: {commands:?}"
    );
}

#[tokio::test]
async fn a_server_that_talks_for_ever_is_not_heard_out() {
    let mut place = Place::new(Line::StartTls, Trust::Valid);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    place.settings.port = listener.local_addr().unwrap().port();
    let talking = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut said = 0_usize;
        while client.write_all(&[b'x'; 4096]).await.is_ok() {
            said += 4096;
        }
        said
    });
    place.settings.timeout = Duration::from_secs(20);
    let attempt = place.deliver().await;
    assert!(matches!(attempt, Attempt::NotNow(_)), "{attempt:?}");
    assert!(talking.await.unwrap() < 16 * 1024 * 1024, "its buffers and ours are all it can fill");
}

#[tokio::test]
async fn what_was_certainly_not_taken_is_tried_again_and_what_is_refused_is_not() {
    let before_the_answer =
        [Step::Greeting, Step::Hello, Step::Login, Step::Sender, Step::Recipient, Step::Data, Step::Body];
    for step in before_the_answer {
        let later = Fault::Reply("451 4.7.1 greylisted 4930-2718");
        let place = Place::with(Line::Implicit, Trust::Valid, |script| script.fault(step, later, ONCE));
        let attempt = place.deliver().await;
        assert!(matches!(attempt, Attempt::NotNow(_)), "{step:?}: {attempt:?}");
        assert!(reason(&attempt).contains("451 4.7.1") && !reason(&attempt).contains(CODE), "{attempt:?}");
        assert_eq!(place.server.mails(), []);
        assert_eq!(place.deliver().await, Attempt::Taken, "{step:?}");

        let never = Fault::Reply("554 5.7.1 no, 4930-2718");
        let place = Place::with(Line::Implicit, Trust::Valid, |script| script.fault(step, never, ALWAYS));
        let attempt = place.deliver().await;
        assert!(matches!(attempt, Attempt::Refused(_)), "{step:?}: {attempt:?}");
        assert!(reason(&attempt).contains("554") && !reason(&attempt).contains(CODE), "{attempt:?}");
        assert_eq!(place.server.mails(), []);
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_message_is_tried_again_and_after_it_never() {
    for step in [Step::Greeting, Step::Hello, Step::Sender, Step::Recipient, Step::Data] {
        let place = Place::with(Line::Implicit, Trust::Valid, |script| script.fault(step, Fault::Drop, ONCE));
        let attempt = place.deliver().await;
        assert!(matches!(attempt, Attempt::NotNow(_)), "{step:?}: {attempt:?}");
        assert_eq!(place.server.mails(), []);
    }
    let place =
        Place::with(Line::Implicit, Trust::Valid, |script| script.fault(Step::Body, Fault::Drop, ONCE));
    let attempt = place.deliver().await;
    assert!(matches!(attempt, Attempt::Unknown(_)), "{attempt:?}");
    assert_eq!(place.server.mails().len(), 1, "this one was taken, and nobody could know");
}

#[tokio::test]
async fn a_tarpit_costs_its_time_and_no_more() {
    for (step, is_known) in [(Step::Greeting, true), (Step::Recipient, true), (Step::Body, false)] {
        let silence = Fault::Silence(Duration::from_mins(1));
        let mut place =
            Place::with(Line::StartTls, Trust::Valid, |script| script.fault(step, silence, ALWAYS));
        place.settings.timeout = Duration::from_millis(500);
        let begun = Instant::now();
        let attempt = place.deliver().await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{step:?}");
        assert_eq!(matches!(attempt, Attempt::NotNow(_)), is_known, "{step:?}: {attempt:?}");
        assert_eq!(matches!(attempt, Attempt::Unknown(_)), !is_known, "{step:?}: {attempt:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_in_words_for_an_administrator() {
    let mut place = Place::new(Line::Implicit, Trust::Valid);
    place.settings.user = Some("somebody".to_owned());
    let attempt = place.deliver().await;
    assert!(matches!(attempt, Attempt::Refused(_)), "{attempt:?}");
    assert!(reason(&attempt).contains("does not accept user and password (535)"), "{attempt:?}");
}

#[tokio::test]
async fn without_protection_only_this_host_is_spoken_to() {
    let mut place = Place::new(Line::NotOffered, Trust::Valid);
    place.settings.security = Security::Loopback;
    assert_eq!(place.deliver().await, Attempt::Taken);
    let own = nix::unistd::gethostname().unwrap().into_string().unwrap();
    for host in ["192.0.2.1", "2001:db8::1", "0.0.0.0", own.as_str()] {
        place.settings.host = host.to_owned();
        let connections = place.server.connections();
        let attempt = place.deliver().await;
        let is_loopback = host == own && attempt == Attempt::Taken;
        assert!(is_loopback || matches!(attempt, Attempt::NotNow(_)), "{host}: {attempt:?}");
        assert!(is_loopback || place.server.connections() == connections, "{host}");
    }
}

#[tokio::test]
async fn nobody_listening_is_tried_again() {
    let mut place = Place::new(Line::Implicit, Trust::Valid);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    place.settings.port = listener.local_addr().unwrap().port();
    drop(listener);
    let attempt = place.deliver().await;
    assert!(matches!(attempt, Attempt::NotNow(_)), "{attempt:?}");
    assert!(reason(&attempt).contains("refused"), "{attempt:?}");
}

#[test]
fn what_is_missing_on_this_host_is_said_before_anything_is_sent() {
    let mut place = Place::new(Line::Implicit, Trust::Valid);
    place.settings.password_file = None;
    let missing = |settings: &EmailServer| Email::new(settings, &Credentials::default()).err().unwrap();
    assert!(missing(&place.settings).contains("credential `email-password` is missing"));
    let file = place.folder.path().join("ca.pem");
    fs::write(&file, "no certificate").unwrap();
    assert!(missing(&place.settings).contains("ca.pem: it holds no certificates"));
    let credentials = Credentials::of(Some(place.folder.path().to_owned()));
    place.settings.ca_file = None;
    assert!(Email::new(&place.settings, &credentials).is_ok(), "the system's authorities and the credential");
}
