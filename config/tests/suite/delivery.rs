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
use countersign_core::words::Language;
use countersign_core::words::texts::Texts;

use crate::folder::{Folder, MINIMAL, errors_of, fault_of, notes_of, rule_fault_of, warnings_of};

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
        hello: None,
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

/// Texts that could carry a header, an escape sequence, another reading order or a flood.
fn hostile() -> Vec<String> {
    let characters =
        ["\\r\\nX: y", "\\n", "\\u001b[2J", "\\u0007", "\\u0000", "\\u202e", "\\u2066", "\\u200b", "\\u2028"];
    characters.iter().map(|&text| text.to_owned()).chain([("x").repeat(20_000)]).collect()
}

#[test]
fn what_could_carry_more_than_it_says_is_refused_wherever_it_stands() {
    for text in hostile() {
        for line in [
            format!("email = {{ server = \"smtps://mail\", from = \"a{text}b <a@example.org>\" }}"),
            format!("email = {{ server = \"smtps://mail\", from = \"a{text}b@example.org\" }}"),
            format!("email = {{ server = \"smtps://ma{text}il\", from = \"a@example.org\" }}"),
            format!("email = {{ server = \"smtps://mail\", from = \"a@example.org\", user = \"a{text}b\" }}"),
            format!("sms = {{ url = \"https://sms/{{number}}/{{text}}{text}b\" }}"),
            format!(
                "sms = {{ url = \"https://sms/{{number}}/{{text}}\", headers = {{ X = \"a{text}b\" }} }}"
            ),
            format!(
                "sms = {{ url = \"https://sms/{{number}}/{{text}}\", headers = {{ \"a{text}b\" = \"x\" }} }}"
            ),
            format!("sms = {{ url = \"https://sms/{{number}}/{{text}}\", success_body = \"a{text}b\" }}"),
            format!("sms = {{ url = \"https://sms\", body = \"{{number}}&{{text}}{text}b\" }}"),
            format!("sms = {{ command = [\"/bin/send\", \"{{number}}a{text}b\"] }}"),
            format!("sms = {{ command = [\"/bin/se{text}nd\", \"{{number}}\"] }}"),
            format!("texts = {{ code = \"a{text}b\" }}"),
            format!("texts = {{ ja = {{ mail = \"a{text}b\" }} }}"),
        ] {
            let found = errors_of(&format!("{line}\n{MINIMAL}"));
            assert_eq!(found.len(), 1, "{line}: {found:#?}");
            assert_eq!(found[0].line, 1);
        }
    }
}

#[test]
fn mail_servers_and_senders_that_are_none_are_refused() {
    for server in [
        "mail.example.org",
        "smtps:mail",
        "smtps://",
        "smtps://mail/",
        "smtps://mail:0",
        "smtps://a@mail",
        "smtps://a:b@mail",
        "smtp://mail.example.org",
        "smtp://127.0.0.1.example.org",
        "smtp://192.0.2.1",
        "http://localhost",
        "SMTPS://mail",
        "smtps://{credential:server}",
    ] {
        let line = format!("email = {{ server = \"{server}\", from = \"a@example.org\" }}");
        assert_eq!(errors_of(&format!("{line}\n{MINIMAL}")).len(), 1, "{server}");
    }
    for from in [
        "",
        "Login",
        "-oX@example.org",
        "a@example.org, b@example.org",
        "A <a@example.org>, B <b@example.org>",
        "A <a@example.org> <b@example.org>",
        "A <<a@example.org>",
        " A <a@example.org>",
        "\\\"A\\\" <a@example.org>",
        "zoë@example.org",
    ] {
        let line = format!("email = {{ server = \"smtps://mail\", from = \"{from}\" }}");
        assert_eq!(errors_of(&format!("{line}\n{MINIMAL}")).len(), 1, "{from}");
    }
}

#[test]
fn a_request_leaves_the_host_encrypted_and_no_value_chooses_where_it_goes() {
    for url in [
        "http://sms.example.org/{number}/{text}",
        "http://192.0.2.1/{number}/{text}",
        "ftp://localhost/{number}/{text}",
        "https:///{number}/{text}",
        "https://{number}/{text}",
        "https://sms.{credential:host}/{number}/{text}",
        "https://sms:{number}/{text}",
        "https://u{id}@sms/{number}/{text}",
        "https://sms/{number}/{text}#x",
        "https://sms/{number} {text}",
        "https://sms/{number}",
        "https://sms/{text}",
        "https://sms/{number}/{text}/{nubmer}",
        "https://sms/{number}/{text}/{credential:a/b}",
        "https://sms/{number}/{text}/{credential:}",
    ] {
        let found = errors_of(&format!("sms.url = \"{url}\"\n{MINIMAL}"));
        assert_eq!(found.len(), 1, "{url}: {found:#?}");
    }
    for url in [
        "http://[::1]:8080?{number}&{text}",
        "http://localhost/{number}/{text:xml}",
        "https://sms?{number:digits}{text}",
    ] {
        assert!(delivery_of(&format!("sms.url = \"{url}\"")).sms.is_some(), "{url}");
    }
}

#[test]
fn an_unknown_place_is_shown_where_it_stands() {
    let found =
        errors_of(&format!("sms = {{ url = \"https://s\", body = '{{\"a\":\"{{ text }}\"}}' }}\n{MINIMAL}"));
    assert_eq!((found[0].text.as_str(), found[0].column), ("{ text }", 42));
    let found = errors_of(&format!("sms = {{ url = \"https://s/{{text}}/{{code}}\" }}\n{MINIMAL}"));
    assert_eq!(found[0].text, "{code}");
}

#[test]
fn values_fit_into_the_body_or_it_is_refused() {
    let of = |body: &str, kind: &str| {
        let headers =
            if kind.is_empty() { String::new() } else { format!("headers.Content-Type = \"{kind}\"\n") };
        let text = format!("[sms]\nurl = \"https://sms\"\n{headers}body = '''{body}'''\n{MINIMAL}");
        Folder::new(text).load().map(|loaded| match loaded.delivery.sms.unwrap().way {
            GatewayWay::Http(request) => request.body_form,
            GatewayWay::Command(_) => panic!(),
        })
    };
    for (body, kind, form) in [
        ("{\"to\":\"{number}\",\"n\":{number:digits},\"x\":[\"{text}\"]}", "", BodyForm::Json),
        ("\n [\"{number}\", \"{text} {id}\"]", "", BodyForm::Json),
        ("{\"to\":\"{number}\",\"t\":\"{text}\"}", "application/vnd.api+json; charset=utf-8", BodyForm::Json),
        ("to={number}&x={text}&y=%3Cz%3E{text:xml}", "", BodyForm::Form),
        ("<a to='{number}'><!-- <b> -->{text}</a>", "", BodyForm::Xml),
        ("<?xml version=\"1.0\"?><a>{number}<b c=\"{text}\"/></a>", "text/xml", BodyForm::Xml),
        ("{number} {text}", "text/plain", BodyForm::Plain),
    ] {
        assert_eq!(of(body, kind), Ok(form), "{body}");
    }
    for (body, kind) in [
        ("{\"to\":{number},\"text\":\"{text}\"}", ""),
        ("{\"to\":\"{number}\",\"text\":{text}}", ""),
        ("{\"to\":\"{number}\",\"text\":\"{text}\",}", ""),
        ("{\"to\":\"{number}\",\"text\":\"{text}\"", "application/json"),
        ("to={number}&text={text} x", ""),
        ("to={number}&\ntext={text}", ""),
        ("<a {number}>{text}</a>", ""),
        ("<a><!-- {text} -->{number}</a>", ""),
        ("<a><![CDATA[{text}]]>{number}</a>", ""),
        ("<a>{text:xml}{number}</a>", ""),
        ("<a>{text}{number}</a", ""),
        ("{number}{text}", "multipart/form-data"),
        ("{number}{text}", "{credential:type}"),
        ("{number}", ""),
        ("{text}", ""),
    ] {
        assert_eq!(
            of(body, kind).map_err(|found| found
                .iter()
                .filter(|found| found.severity == countersign_config::Severity::Error)
                .count()),
            Err(1),
            "{body}"
        );
    }
}

#[test]
fn keys_of_one_way_are_refused_with_the_other() {
    assert_eq!(fault_of("sms = {}"), "[sms] has neither `url` nor `command`");
    let both = "call = { url = \"https://s/{number}/{text}\", command = [\"/bin/x\", \"{number}\"] }";
    assert_eq!(fault_of(both), "`url` and `command` exclude each other");
    for key in
        ["method = \"GET\"", "headers = {}", "body = \"x\"", "success_status = [200]", "ca_file = \"/x\""]
    {
        let line = format!("sms = {{ command = [\"/bin/x\", \"{{number}}\"], {key} }}");
        assert!(fault_of(&line).ends_with("is for a gateway with `url`"), "{line}");
    }
    let body = "sms = { url = \"https://s/{number}/{text}\", method = \"GET\", body = \"x\" }";
    assert_eq!(fault_of(body), "a GET request has no body");
    for command in [
        "[]",
        "[\"send\", \"{number}\"]",
        "[\"/bin/{number}\"]",
        "[\"/bin/x\"]",
        "[\"/bin/x\", \"{number}\", \"{text}\"]",
        "[\"/bin/x\", \"{number}\", \"{credential:a}\"]",
        "[\"/bin/x\", \"{number}\", \"{id}\"]",
        "[\"/bin/x\", \"{nummer}\"]",
        "\"/bin/x {number}\"",
    ] {
        assert_eq!(errors_of(&format!("sms.command = {command}\n{MINIMAL}")).len(), 1, "{command}");
    }
    let long = format!("sms.command = [\"/bin/x\", \"{{number}}\"{}]\n{MINIMAL}", ", \"x\"".repeat(31));
    assert_eq!(errors_of(&long).len(), 1);
}

#[test]
fn figures_of_sending_have_ranges_and_do_not_contradict_each_other() {
    let limits = |line: &str| errors_of(&format!("[limits]\n{line}\n{MINIMAL}")).len();
    for line in [
        "resend_wait = \"30s\"",
        "longest_resend_wait = \"1h\"",
        "codes_per_ten_minutes = 10",
        "messages_per_day = 200",
        "emails_per_hour = 10000",
        "texts_per_hour = 1",
    ] {
        assert_eq!(limits(line), 0, "{line}");
    }
    for line in [
        "resend_wait = \"29s\"",
        "resend_wait = \"6m\"",
        "longest_resend_wait = \"30s\"",
        "longest_resend_wait = \"2h\"",
        "codes_per_ten_minutes = 0",
        "codes_per_ten_minutes = 11",
        "codes_per_day = 4",
        "messages_per_day = 9",
        "messages_per_day = 201",
        "emails_per_hour = 10001",
        "texts_per_hour = 0",
    ] {
        assert_eq!(limits(line), 1, "{line}");
    }
    for line in
        ["digits = 5", "digits = 11", "lifetime = \"59s\"", "lifetime = \"11m\"", "bind = \"session\""]
    {
        assert_eq!(errors_of(&format!("[sent]\n{line}\n{MINIMAL}")).len(), 1, "{line}");
    }
}

#[test]
fn terms_of_a_rule_have_ranges() {
    for line in [
        "contacts = \"mine\"",
        "remember = \"59m\"",
        "remember = \"31d\"",
        "skip = true",
        "skip = { allow = \"yes\" }",
        "skip = { allow = true, times = 101 }",
        "skip = { allow = true, until = 2027-01-31T00:00:00Z }",
        "skip = { allow = true, until = 12:00:00 }",
        "skip = { allow = true, until = 1969-12-31 }",
        "skip = { allow = true, till = 2027-01-31 }",
    ] {
        let message = rule_fault_of(&format!("methods = [\"totp\", \"email\"]\n{line}"));
        assert!(!message.is_empty(), "{line}");
    }
}

#[test]
fn a_method_without_a_way_and_a_way_without_a_rule_are_warned_of() {
    let of = |text: &str| warnings_of(text).into_iter().map(|found| found.message).collect::<Vec<_>>();
    let rule = |methods: &str| format!("[default]\nrequire = \"enrolled\"\nmethods = [{methods}]\n");
    let call = "call = { command = [\"/bin/x\", \"{number}\"], allow_prefixes = [\"+49\"] }\n";
    assert_eq!(of(&format!("{call}{}", rule("\"totp\", \"call\""))), Vec::<String>::new());
    assert_eq!(of(&rule("\"totp\", \"call\"")), ["`call` is not configured: nobody gets such codes"]);
    let unused = "no rule that asks for a code names the method `call`";
    assert_eq!(of(&format!("{call}{}", rule("\"totp\""))), [unused]);
    let costly = "each login under `default` waits for a message";
    assert_eq!(of(&format!("{call}{}", rule("\"call\", \"backup\""))), [costly]);
    assert_eq!(of(&format!("{call}{}remember = \"1d\"", rule("\"call\", \"backup\""))), Vec::<String>::new());
}

#[test]
fn what_a_method_is_worth_is_noted_once_and_never_logged() {
    let text = "email = { server = \"smtps://mail\", from = \"a@example.org\" }\n\
                [[policy]]\nname = \"r\"\nusers = [\"a\"]\nrequire = \"always\"\nmethods = [\"totp\", \"email\"]\n\
                remember = \"25h\"\n[default]\nrequire = \"enrolled\"\nmethods = [\"email\", \"hotp\"]\n";
    let notes = notes_of(text);
    let lines: Vec<usize> = notes.iter().map(|note| note.line).collect();
    assert_eq!(lines, [6, 7], "{notes:#?}");
    assert!(notes[0].message.contains("e-mail is no out-of-band authenticator"));
    assert_eq!(Folder::new(text).load().unwrap().warnings, Vec::new());
    // Notices go out without a rule that names the method.
    let text = format!("email = {{ server = \"smtps://mail\", from = \"a@example.org\" }}\n{MINIMAL}");
    assert_eq!((notes_of(&text).len(), warnings_of(&text).len()), (1, 0));
}

#[test]
fn the_organizations_wording_reaches_the_policy() {
    let text = format!(
        "help = \"IT\"\n[texts]\ncode = \"Uni code:\"\nmail = \"{{organization}}, {{help}}\"\n\
         de.code = \"Uni-Code:\"\n{MINIMAL}"
    );
    let texts = Folder::new(text).load().unwrap().policy.settings.texts;
    let mut expected = Texts::default();
    expected.set("code", None, "Uni code:").unwrap();
    expected.set("mail", None, "{organization}, {help}").unwrap();
    expected.set("code", Some(Language::German), "Uni-Code:").unwrap();
    assert_eq!(texts, expected);
    for line in [
        "texts.cod = \"x\"",
        "texts.pl = { code = \"x\" }",
        "texts.de.cod = \"x\"",
        "texts.code = 1",
        "texts.de = 1",
    ] {
        assert!(!fault_of(line).is_empty(), "{line}");
    }
    let found = warnings_of(&format!("texts.code = \"{{help}}\"\n{MINIMAL}"));
    assert_eq!(found[0].message, "this text is never said: the file has no `help` to put in");
}

#[test]
fn the_name_in_ehlo_is_one_with_a_domain_or_an_address_in_brackets() {
    let email = |hello: &str| {
        let lines = "[email]\nserver = \"smtps://mail.example.org\"\nfrom = \"a@example.org\"";
        format!("{lines}\nhello = \"{hello}\"\n{MINIMAL}")
    };
    for hello in ["web1.example.org", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
        assert_eq!(crate::folder::errors_of(&email(hello)), [], "{hello}");
    }
    for hello in [
        "web1",
        "",
        "web1.",
        ".org",
        "-a.org",
        "192.0.2.1]",
        "[web1]",
        "[2001:db8::1]",
        "a b.org",
        "a.org\\r\\nMAIL",
    ] {
        assert_eq!(crate::folder::errors_of(&email(hello)).len(), 1, "{hello}");
    }
}
