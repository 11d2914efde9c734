//! What `[email]`, `[sms]`, `[call]` and `[sent]` become, and what they may not say.

use std::time::Duration;

use countersign_config::{
    BodyForm, DeliverySettings, EmailServer, Gateway, GatewayWay, HttpGateway, Security, Template,
};
use countersign_core::contact::{Country, EmailAddress};
use countersign_core::factor::Method;
use countersign_core::factor::sent::{Alphabet, Bind, SentParameters};
use countersign_core::policy::{ContactRule, SkipRule};
use countersign_core::sending::{Channels, Numbers, SendLimits};
use countersign_core::time::WallTime;

use crate::folder::{Folder, MINIMAL};

fn template(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn delivery_of(text: &str) -> DeliverySettings {
    Folder::new(format!("{text}\n{MINIMAL}"))
        .load()
        .unwrap_or_else(|found| panic!("{text}: {found:#?}"))
        .delivery
}

#[test]
fn without_sections_nothing_is_sent() {
    let loaded = Folder::new(MINIMAL).load().unwrap();
    assert_eq!(loaded.delivery, DeliverySettings::default());
    let settings = loaded.policy.settings;
    assert_eq!(settings.channels, Channels::default());
    assert_eq!(settings.sent, SentParameters::default());
    assert_eq!(settings.sending, SendLimits::default());
}

#[test]
fn the_mail_server_and_its_credentials_reach_the_daemon() {
    let found = delivery_of(
        r#"
        [email]
        server = "smtp+starttls://mail.example.org:2587"
        from = "Universität Zürich <login@Example.org>"
        user = "login"
        password_file = "/etc/countersign/email-password"
        ca_file = "/etc/countersign/ca.pem"
        timeout = "7s"
        "#,
    );
    let expected = EmailServer {
        host: "mail.example.org".to_owned(),
        port: 2587,
        security: Security::StartTls,
        ca_file: Some("/etc/countersign/ca.pem".into()),
        user: Some("login".to_owned()),
        password_file: Some("/etc/countersign/email-password".into()),
        from_name: Some("Universität Zürich".to_owned()),
        from: EmailAddress::try_from("login@example.org").unwrap(),
        timeout: Duration::from_secs(7),
    };
    assert_eq!(found.email, Some(expected));
    for (server, host, port, security) in [
        ("smtps://mail", "mail", 465, Security::Tls),
        ("smtp+starttls://mail", "mail", 587, Security::StartTls),
        ("smtp://localhost", "localhost", 25, Security::Loopback),
        ("smtp://[::1]:2525", "::1", 2525, Security::Loopback),
    ] {
        let email =
            delivery_of(&format!("email = {{ server = \"{server}\", from = \"a@b.example\" }}")).email;
        let email = email.unwrap();
        assert_eq!((email.host.as_str(), email.port, email.security), (host, port, security));
        assert_eq!((email.from_name, email.user), (None, None));
        assert_eq!(email.timeout, Duration::from_secs(20));
    }
}

#[test]
fn a_request_and_its_numbers_reach_the_daemon_and_the_policy() {
    let text = r#"
        [sms]
        url = "https://sms.example.org/v1/{credential:account}/send?id={id}"
        method = "PUT"
        headers = { X-Second = "2", Authorization = "Bearer {credential:sms-token}" }
        body = '{"to":"{number}","text":"{text}"}'
        success_status = [200, 202]
        success_body = '"status":"0"'
        ca_file = "/etc/countersign/ca.pem"
        timeout = "5s"
        country = "DE"
        allow_prefixes = ["+49", "+43"]
        "#;
    let request = HttpGateway {
        method: "PUT".to_owned(),
        url: template("https://sms.example.org/v1/{credential:account}/send?id={id}"),
        headers: vec![
            ("X-Second".to_owned(), template("2")),
            ("Authorization".to_owned(), template("Bearer {credential:sms-token}")),
        ],
        body: Some(template(r#"{"to":"{number}","text":"{text}"}"#)),
        body_form: BodyForm::Json,
        success_status: vec![200, 202],
        success_body: Some("\"status\":\"0\"".to_owned()),
        ca_file: Some("/etc/countersign/ca.pem".into()),
    };
    let way = GatewayWay::Http(Box::new(request));
    assert_eq!(delivery_of(text).sms, Some(Gateway { way, timeout: Duration::from_secs(5) }));
    let settings = Folder::new(format!("{text}\n{MINIMAL}")).load().unwrap().policy.settings;
    let numbers = Numbers {
        country: Some(Country::try_from("DE").unwrap()),
        allow_prefixes: vec!["+49".to_owned(), "+43".to_owned()],
    };
    assert_eq!(settings.channels, Channels { email: false, sms: Some(numbers), call: None });
}

#[test]
fn a_command_is_a_list_without_a_shell() {
    let found = delivery_of("call = { command = [\"/usr/local/bin/say\", \"--to={number}\", \"{}\"] }");
    let command = vec![template("/usr/local/bin/say"), template("--to={number}"), template("{}")];
    let expected = Gateway { way: GatewayWay::Command(command), timeout: Duration::from_secs(20) };
    assert_eq!(found.call, Some(expected));
}

#[test]
fn codes_limits_and_terms_of_rules_reach_the_policy() {
    let policy = Folder::new(
        r#"
        email = { server = "smtps://mail", from = "a@example.org" }
        sent = { digits = 10, alphabet = "letters", lifetime = "10m", bind = "login" }
        [limits]
        resend_wait = "30s"
        longest_resend_wait = "10m"
        codes_per_ten_minutes = 3
        codes_per_day = 20
        messages_per_day = 200
        emails_per_hour = 10
        texts_per_hour = 20
        [[policy]]
        name = "r"
        users = ["alice"]
        require = "always"
        methods = ["email", "backup"]
        contacts = "any"
        skip = { allow = true, times = 3, until = 2027-01-31 }
        remember = "12h"
        [default]
        require = "always"
        methods = ["email", "totp"]
        contacts = "on-file"
        skip = { allow = true }
        "#,
    )
    .load()
    .unwrap()
    .policy;
    let sent = SentParameters {
        length: 10,
        alphabet: Alphabet::Letters,
        lifetime: Duration::from_mins(10),
        bind: Bind::Login,
    };
    assert_eq!(policy.settings.sent, sent);
    let sending = SendLimits {
        wait: Duration::from_secs(30),
        longest_wait: Duration::from_mins(10),
        per_ten_minutes: 3,
        per_day: 20,
        all_per_day: 200,
        emails_per_hour: 10,
        texts_per_hour: 20,
    };
    assert_eq!(policy.settings.sending, sending);
    let [rule] = policy.rules.as_slice() else { panic!() };
    assert_eq!(rule.methods, [Method::Email, Method::Backup]);
    assert_eq!(rule.contacts, ContactRule::Any);
    let until = Some(WallTime::from_seconds(1_801_439_999));
    assert_eq!(rule.skip, Some(SkipRule { times: Some(3), until }));
    assert_eq!(rule.remember, Some(Duration::from_hours(12)));
    assert_eq!(policy.default.contacts, ContactRule::OnFile);
    assert_eq!(policy.default.skip, Some(SkipRule { times: None, until: None }));
    assert_eq!(policy.default.remember, None);
}
