//! Gateways over HTTP that answer as they are told: what is taken, what is tried again, what never leaves for another host.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "each test file uses its part")]
mod letters;
#[expect(unreachable_pub, dead_code, reason = "the authority of the end-to-end tests")]
#[path = "../../tests/harness/smtp/mod.rs"]
mod smtp;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_config::{BodyForm, HttpGateway, Template};
use countersignd::delivery::credentials::Credentials;
use countersignd::delivery::http::Http;
use countersignd::delivery::{Attempt, Channel as _};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use letters::{CODE, sms};
use smtp::certificate::{Authority, Trust};

const TOKEN: &str = "t0ken-of-the-gateway";
const NUMBER: &str = "+4915112345678";
const TEXT: &str = "4930-2718 ist Ihr \"Code\" für <straße> & mehr \\ + 100 %";

/// What the gateway does once it has read the request.
#[derive(Clone)]
enum Reply {
    /// Says this, and closes.
    Say(Vec<u8>),
    /// Says this, and then nothing more.
    Stall(Vec<u8>),
    /// Closes without a word.
    Drop,
}

fn status(status: u16, fields: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Say(format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n{fields}\r\n{body}").into_bytes())
}

/// A gateway on a port of loopback.
struct Gateway {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
    authority: Authority,
}

impl Gateway {
    /// Answers each request by the next reply, the last one again and again; in TLS where there is a certificate.
    async fn start(trust: Option<Trust>, replies: Vec<Reply>) -> Self {
        let authority = Authority::new().unwrap();
        let acceptor = trust.map(|trust| {
            let certified = authority.certify(trust).unwrap();
            let chain = vec![CertificateDer::from_pem_slice(certified.certificate().as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(certified.key().as_bytes()).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder = ServerConfig::builder_with_provider(provider);
            let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
            TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut replies = replies.into_iter().peekable();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let next = replies.next().unwrap();
                if replies.peek().is_none() {
                    replies = vec![next.clone()].into_iter().peekable();
                }
                let (heard, acceptor) = (Arc::clone(&heard), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, next, &heard).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, next, &heard).await;
                            }
                        }
                    }
                });
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("sms-token");
        fs::write(&token, TOKEN).unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        Self { port, requests, folder, authority }
    }

    fn settings(&self, scheme: &str) -> HttpGateway {
        let ca_file = self.folder.path().join("ca.pem");
        fs::write(&ca_file, self.authority.pem()).unwrap();
        HttpGateway {
            method: "POST".to_owned(),
            url: Template::parse(&format!("{scheme}://localhost:{}/send?id={{id}}", self.port)).unwrap(),
            headers: vec![(
                "Authorization".to_owned(),
                Template::parse("Bearer {credential:sms-token}").unwrap(),
            )],
            body: Some(Template::parse(r#"{"to":"{number}","text":"{text}"}"#).unwrap()),
            body_form: BodyForm::Json,
            success_status: Vec::new(),
            success_body: None,
            ca_file: Some(ca_file),
        }
    }

    async fn deliver(&self, settings: &HttpGateway) -> Attempt {
        self.deliver_within(settings, Duration::from_secs(5)).await
    }

    async fn deliver_within(&self, settings: &HttpGateway, limit: Duration) -> Attempt {
        let credentials = Credentials::of(Some(self.folder.path().to_owned()));
        Http::new(settings, limit, &credentials).unwrap().deliver(&sms(NUMBER, TEXT)).await
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, reply: Reply, requests: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
            if body.len() >= length {
                break;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => request.extend(&buffer[..count]),
            _ => return,
        }
    }
    requests.lock().unwrap().push(String::from_utf8(request).unwrap());
    match reply {
        Reply::Say(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        }
        Reply::Drop => {}
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
async fn a_request_is_what_the_templates_say() {
    for (trust, scheme) in [(Some(Trust::Valid), "https"), (None, "http")] {
        let gateway = Gateway::start(trust, vec![status(202, "", "")]).await;
        assert_eq!(gateway.deliver(&gateway.settings(scheme)).await, Attempt::Taken);
        let requests = gateway.requests();
        let [request] = requests.as_slice() else { panic!("{requests:?}") };
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((body["to"].as_str(), body["text"].as_str()), (Some(NUMBER), Some(TEXT)));
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("post /send?id="), "{head}");
        for field in [
            format!("host: localhost:{}", gateway.port),
            format!("authorization: bearer {TOKEN}"),
            "content-type: application/json".to_owned(),
        ] {
            assert_eq!(head.matches(&field).count(), 1, "{field} in {head}");
        }
    }
}

#[tokio::test]
async fn values_are_escaped_in_url_and_form() {
    let gateway = Gateway::start(None, vec![status(200, "", "")]).await;
    let mut settings = gateway.settings("http");
    let url = format!("http://127.0.0.1:{}/{{number}}?to={{number}}&text={{text}}&end=1", gateway.port);
    settings.url = Template::parse(&url).unwrap();
    settings.body = Some(Template::parse("to={number}&text={text}&key={credential:sms-token}").unwrap());
    settings.body_form = BodyForm::Form;
    assert_eq!(gateway.deliver(&settings).await, Attempt::Taken);
    let request = gateway.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let target = head.split(' ').nth(1).unwrap();
    let url = url::Url::parse("http://x").unwrap().join(target).unwrap();
    assert_eq!(url.path(), "/%2B4915112345678");
    let expected = [("to", NUMBER), ("text", TEXT), ("end", "1")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(url.query_pairs().into_owned().collect::<Vec<_>>(), expected);
    let form: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(form[1], ("text".to_owned(), TEXT.to_owned()));
    assert_eq!(form[2], ("key".to_owned(), TOKEN.to_owned()));
}

#[tokio::test]
async fn a_gateway_that_nobody_vouches_for_learns_nothing() {
    for trust in [Trust::SelfSigned, Trust::Expired, Trust::OtherName, Trust::OtherAuthority] {
        let gateway = Gateway::start(Some(trust), vec![status(200, "", "")]).await;
        let attempt = gateway.deliver(&gateway.settings("https")).await;
        assert!(matches!(attempt, Attempt::NotNow(_)), "{trust:?}: {attempt:?}");
        assert!(reason(&attempt).contains("certificate"), "{attempt:?}");
        assert!(gateway.requests().is_empty());
    }
    let gateway = Gateway::start(None, vec![status(200, "", "")]).await;
    let attempt = gateway.deliver(&gateway.settings("https")).await;
    assert!(matches!(attempt, Attempt::NotNow(_)), "no TLS at all: {attempt:?}");
}

#[tokio::test]
async fn without_tls_only_this_host_is_spoken_to() {
    let gateway = Gateway::start(None, vec![status(200, "", "")]).await;
    for host in ["192.0.2.1", "[2001:db8::1]", "0.0.0.0"] {
        let mut settings = gateway.settings("http");
        settings.url = Template::parse(&format!("http://{host}:{}/send", gateway.port)).unwrap();
        let attempt = gateway.deliver(&settings).await;
        assert!(matches!(attempt, Attempt::NotNow(_)), "{host}: {attempt:?}");
        assert!(reason(&attempt).contains("is not this host"), "{attempt:?}");
    }
    assert!(gateway.requests().is_empty());
}

#[tokio::test]
async fn an_answer_means_what_it_says() {
    for (code, is_later, is_refused) in [
        (429, true, false),
        (503, true, false),
        (500, false, false),
        (502, false, false),
        (504, false, false),
        (400, false, true),
        (401, false, true),
        (404, false, true),
        (304, false, true),
    ] {
        let gateway = Gateway::start(Some(Trust::Valid), vec![status(code, "", "4930-2718")]).await;
        let attempt = gateway.deliver(&gateway.settings("https")).await;
        assert_eq!(matches!(attempt, Attempt::NotNow(_)), is_later, "{code}: {attempt:?}");
        assert_eq!(matches!(attempt, Attempt::Refused(_)), is_refused, "{code}: {attempt:?}");
        assert_eq!(matches!(attempt, Attempt::Unknown(_)), !is_later && !is_refused, "{code}: {attempt:?}");
        assert!(reason(&attempt).contains(&code.to_string()) && !reason(&attempt).contains(CODE));
    }
}

#[tokio::test]
async fn success_is_what_the_file_says() {
    let gateway = Gateway::start(None, vec![status(200, "", "3: Queued for later delivery")]).await;
    let mut settings = gateway.settings("http");
    settings.success_body = Some("0: Accepted".to_owned());
    assert!(matches!(gateway.deliver(&settings).await, Attempt::Refused(_)));
    settings.success_body = Some("Queued".to_owned());
    assert_eq!(gateway.deliver(&settings).await, Attempt::Taken);
    settings.success_status = vec![202];
    assert!(matches!(gateway.deliver(&settings).await, Attempt::Refused(_)));
}

#[tokio::test]
async fn a_body_is_read_up_to_a_limit_and_not_for_ever() {
    let head = "HTTP/1.1 200 x\r\nContent-Length: 100000000\r\n\r\n";
    let mut huge = head.as_bytes().to_vec();
    huge.resize(200 * 1024, b'x');
    huge.extend(b"OK");
    let mut early = head.as_bytes().to_vec();
    early.extend(b"{\"status\":\"OK\"");
    early.resize(200 * 1024, b'x');
    let slow = Reply::Stall(format!("{head}x").into_bytes());
    let gateway = Gateway::start(None, vec![Reply::Say(huge), Reply::Say(early), slow]).await;
    let mut settings = gateway.settings("http");
    settings.success_body = Some("\"OK\"".to_owned());
    assert!(matches!(gateway.deliver(&settings).await, Attempt::Unknown(_)), "beyond the limit");
    assert_eq!(gateway.deliver(&settings).await, Attempt::Taken);
    let begun = Instant::now();
    let attempt = gateway.deliver_within(&settings, Duration::from_millis(300)).await;
    assert!(matches!(attempt, Attempt::Unknown(_)), "{attempt:?}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_gateway_lost_after_the_request_may_have_taken_it() {
    let endless = Reply::Say([b"HTTP/1.1 200 x\r\nX: ".as_slice(), &vec![b'y'; 100_000]].concat());
    let garbage = Reply::Say(b"SSH-2.0-OpenSSH\r\n".to_vec());
    for reply in [Reply::Drop, Reply::Say(b"HTTP/1.1 2".to_vec()), endless, garbage] {
        let gateway = Gateway::start(Some(Trust::Valid), vec![reply]).await;
        let attempt = gateway.deliver(&gateway.settings("https")).await;
        assert!(matches!(attempt, Attempt::Unknown(_)), "{attempt:?}");
        assert_eq!(gateway.requests().len(), 1);
    }
    let gateway = Gateway::start(None, vec![Reply::Stall(Vec::new())]).await;
    let attempt = gateway.deliver_within(&gateway.settings("http"), Duration::from_millis(300)).await;
    assert!(matches!(attempt, Attempt::Unknown(_)), "{attempt:?}");
}

#[tokio::test]
async fn nobody_listening_is_tried_again() {
    let gateway = Gateway::start(None, vec![Reply::Drop]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut settings = gateway.settings("https");
    settings.url = Template::parse(&format!("https://localhost:{port}/")).unwrap();
    let attempt = gateway.deliver(&settings).await;
    assert!(matches!(attempt, Attempt::NotNow(_)), "{attempt:?}");
}

#[tokio::test]
async fn a_redirect_to_another_place_is_refused() {
    let trap = Gateway::start(None, vec![status(200, "", "")]).await;
    let places = [
        format!("http://127.0.0.1:{}/send", trap.port),
        format!("http://localhost:{}/send", trap.port),
        format!("//localhost:{}/send", trap.port),
        "https://localhost/send".to_owned(),
        "http://localhost.example.org/".to_owned(),
        "ftp://localhost/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for place in places {
        for code in [301, 302, 303, 307, 308] {
            let gateway =
                Gateway::start(None, vec![status(code, &format!("Location: {place}\r\n"), "")]).await;
            let attempt = gateway.deliver(&gateway.settings("http")).await;
            assert!(matches!(attempt, Attempt::Refused(_)), "{code} {place}: {attempt:?}");
            assert!(!reason(&attempt).contains("localhost"), "nothing of an answer is repeated: {attempt:?}");
        }
    }
    assert!(trap.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_to_the_same_place_is_followed_three_times_with_the_same_request() {
    let there = |code| status(code, "Location: /other\r\n", "");
    let replies = vec![there(307), there(308), there(307), status(200, "", "")];
    let gateway = Gateway::start(Some(Trust::Valid), replies).await;
    assert_eq!(gateway.deliver(&gateway.settings("https")).await, Attempt::Taken);
    let requests = gateway.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests[3].starts_with("POST /other ") && requests[3].contains(TOKEN));
    let body = |request: &String| request.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&requests[0]), body(&requests[3]));

    let gateway = Gateway::start(None, vec![there(307)]).await;
    assert!(matches!(gateway.deliver(&gateway.settings("http")).await, Attempt::Refused(_)));
    assert_eq!(gateway.requests().len(), 4);
}

#[tokio::test]
async fn a_post_that_may_have_been_acted_on_is_not_made_again() {
    for code in [301, 302, 303] {
        let gateway = Gateway::start(None, vec![status(code, "Location: /done\r\n", "")]).await;
        let attempt = gateway.deliver(&gateway.settings("http")).await;
        assert!(matches!(attempt, Attempt::Unknown(_)), "{code}: {attempt:?}");
        assert_eq!(gateway.requests().len(), 1);
    }
}

#[tokio::test]
async fn what_is_missing_on_this_host_is_said_before_anything_is_sent() {
    let gateway = Gateway::start(None, vec![Reply::Drop]).await;
    let settings = gateway.settings("http");
    let limit = Duration::from_secs(1);
    let missing = Http::new(&settings, limit, &Credentials::default()).err().unwrap();
    assert!(missing.contains("credential `sms-token` is missing"), "{missing}");
    let mut settings = gateway.settings("https");
    settings.url = Template::parse("https://user:word@localhost/").unwrap();
    let attempt = gateway.deliver(&settings).await;
    assert!(matches!(&attempt, Attempt::NotConfigured(reason) if !reason.contains("word@")), "{attempt:?}");
}
