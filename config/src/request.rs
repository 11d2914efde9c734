//! The HTTP request of `[sms]` and `[call]`: method, URL, headers, body, and which answers are good ones.
//!
//! Owns what the parts have to do with each other: the number and the text stand somewhere, a request that leaves the host
//! is encrypted, no value chooses the host. Leaves the parts to `headers`, `body` and `places`.

use crate::authority::Authority;
use crate::body::{self, BadBody};
use crate::delivery::{BodyForm, HttpGateway};
use crate::diagnostics::{Findings, shorten};
use crate::headers;
use crate::path;
use crate::places::{CREDENTIAL, Written, warn_of_secrets};
use crate::printable::first_unprintable;
use crate::sections::Section;
use crate::template::{Piece, Placeholder};
use crate::values::{Choices, Text, Value};

/// The longest URL, in bytes.
const URL_LIMIT: usize = 2048;
/// The longest body, in bytes.
const BODY_LIMIT: usize = 16 * 1024;
/// The longest text that an answer has to contain, in bytes.
const SUCCESS_BODY_LIMIT: usize = 200;

const METHODS: Choices<&'static str> =
    Choices { now: &[("GET", "GET"), ("POST", "POST"), ("PUT", "PUT")], later: &[] };

/// Reads the request; none where something in it is wrong, which has been noted.
pub(crate) fn read(
    section: &Section<'_, '_>,
    url: &Value<'_, '_>,
    findings: &mut Findings,
) -> Option<HttpGateway> {
    let errors = findings.errors();
    let method = section.value("method");
    let method = method.and_then(|value| value.choice(findings, METHODS)).unwrap_or("POST");
    let url = self::url(url, findings);
    let headers = section.value("headers").map(|value| headers::read(&value, findings)).unwrap_or_default();
    let body = section.value("body");
    if let Some(body) = body.as_ref().filter(|_| method == "GET") {
        let help = "write method = \"POST\", or put the values into `url`";
        findings.error(&body.place, "a GET request has no body", help);
    }
    let body = body.and_then(|value| text_of_body(&value, findings));
    let body_form = body_form(&headers, body.as_ref(), findings);
    let success_status = section.value("success_status").and_then(|it| it.numbers(findings, &(100..=599)));
    let success_body = section.value("success_body").and_then(|value| success_body(&value, findings));
    let ca_file = section.value("ca_file").and_then(|value| path::read(&value, findings));

    let url = url?;
    if findings.errors() == errors {
        let written: Vec<&Written<'_, '_>> =
            [&url].into_iter().chain(&body).chain(headers.iter().map(|(_, written)| written)).collect();
        require_values(section, &written, findings);
    }
    (findings.errors() == errors).then(|| HttpGateway {
        method: method.to_owned(),
        url: url.template,
        headers: headers::templates(headers),
        body: body.map(|body| body.template),
        body_form,
        success_status: success_status.unwrap_or_default(),
        success_body,
        ca_file,
    })
}

/// Refuses a request that would bring nothing, or nobody knows to whom.
fn require_values(section: &Section<'_, '_>, written: &[&Written<'_, '_>], findings: &mut Findings) {
    let has = |is_it: &dyn Fn(&Placeholder) -> bool| written.iter().any(|part| part.has(is_it));
    if !has(&Placeholder::is_text) {
        let help = "put {text} into `body`, or into `url`";
        findings.error(&section.place, "`{text}` stands nowhere in the request: no code would be sent", help);
    }
    if !has(&Placeholder::is_number) {
        let help = "put {number} into `body`, or into `url`";
        let message = "`{number}` stands nowhere in the request: to whom would it be sent?";
        findings.error(&section.place, message, help);
    }
}

fn url<'t, 's>(value: &Value<'t, 's>, findings: &mut Findings) -> Option<Written<'t, 's>> {
    let text = value.text(findings)?;
    warn_of_secrets(&text.place, CREDENTIAL, findings);
    if let Some((message, help)) = url_fault(text.text) {
        findings.error(&text.place, message, help);
        return None;
    }
    let written = Written::read(text, findings)?;
    // Before the first place stands the whole server: no value may choose where the others go.
    let Some(Piece::Text(lead)) = written.template.pieces.first() else { return None };
    let is_whole = written.template.pieces.len() == 1
        || lead.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?']));
    if !is_whole {
        let help = "write the server itself, as in https://sms.example.org/send?to={number}";
        findings.error(&written.text.place, "no value is put into the name of the server", help);
        return None;
    }
    Some(written)
}

/// Tells what keeps a text from being the URL of a gateway, up to its places.
fn url_fault(url: &str) -> Option<(String, String)> {
    let example = || "write for example url = \"https://sms.example.org/send\"".to_owned();
    let fault = |message: &str, help: String| Some((message.to_owned(), help));
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if !matches!(scheme, "https" | "http") {
        return fault("this is not the URL of a gateway", example());
    }
    if url.len() > URL_LIMIT {
        let message = format!("this URL is {} bytes long, at most {URL_LIMIT} are taken", url.len());
        return Some((message, "put the values into `body`".to_owned()));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains('#') {
        return fault(
            "a URL has plain characters only, without spaces and #",
            "write %20 for a space".to_owned(),
        );
    }
    let server = rest.split(['/', '?']).next().unwrap_or_default();
    if server.contains('@') {
        let help = "write headers = { Authorization = \"Basic {credential:NAME}\" }".to_owned();
        return fault("user and password do not belong into a URL", help);
    }
    if server.contains('{') {
        return fault("no value is put into the name of the server", example());
    }
    let Some(authority) = Authority::parse(server) else {
        return Some((format!("`{}` is not a server: HOST or HOST:PORT", shorten(server)), example()));
    };
    if scheme == "http" && !authority.is_within_host() {
        let message = "an unencrypted request is for a gateway on this host only";
        return fault(message, format!("write https://{}", shorten(rest)));
    }
    None
}

fn text_of_body<'t, 's>(value: &Value<'t, 's>, findings: &mut Findings) -> Option<Written<'t, 's>> {
    let text = value.text(findings)?;
    let wrong = text.text.split(['\n', '\t']).find_map(first_unprintable);
    if let Some(character) = wrong {
        let message = format!("this body holds the character {}", character.escape_unicode());
        findings.error(&text.place, message, "write printable characters, tabs and line ends only");
        return None;
    }
    if text.text.is_empty() || text.text.len() > BODY_LIMIT {
        let message = format!("a body has 1 to {BODY_LIMIT} bytes, not {}", text.text.len());
        value.refuse(findings, message);
        return None;
    }
    warn_of_secrets(&text.place, CREDENTIAL, findings);
    Written::read(text, findings)
}

/// Tells what the body is written in, and checks it.
fn body_form(
    headers: &[(String, Written<'_, '_>)],
    body: Option<&Written<'_, '_>>,
    findings: &mut Findings,
) -> BodyForm {
    let form = match headers::find(headers, "content-type") {
        Some(header) => {
            let form = body::form_of_type(header.text.text);
            if form.is_none() || header.template.places().next().is_some() {
                let message = "values cannot be put into a body of this type";
                let help = "write application/json, application/x-www-form-urlencoded, application/xml or text/plain";
                findings.error(&header.text.place, message, help);
                return BodyForm::default();
            }
            form
        }
        None => body.map(|body| body::form_of_text(body.text.text)),
    };
    let form = form.unwrap_or_default();
    if let Some(body) = body
        && let Err(BadBody { message, help }) = body::check(form, &body.template)
    {
        findings.error(&body.text.place, message, help);
    }
    form
}

fn success_body(value: &Value<'_, '_>, findings: &mut Findings) -> Option<String> {
    let text: Text<'_, '_> = value.text(findings)?;
    if !text.is_showable(SUCCESS_BODY_LIMIT, findings) {
        return None;
    }
    let written = Written::read(text, findings)?;
    let why = "is not put into what an answer has to contain";
    let is_wrong = written.refuse(|_| true, why, "write the text itself", findings);
    (!is_wrong).then(|| written.text.text.to_owned())
}
