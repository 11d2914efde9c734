//! What is sent and said, as the schema describes it.
//!
//! Owns `[email]`, `[sms]`, `[call]`, `[sent]` and `[texts]`. Leaves what all sections share to its parent.

use schemars::JsonSchema;

use super::Duration;

/// The mail server.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Email {
    /// The server: `smtps://HOST`, `smtp+starttls://HOST`, or `smtp://localhost`.
    #[schemars(regex(pattern = "^smtp(s|[+]starttls)?://[^@/]+$"))]
    server: String,
    /// The sender: `NAME <ADDRESS>`, or ADDRESS.
    #[schemars(regex(pattern = "@"))]
    from: String,
    /// As whom the service logs in to the server.
    #[schemars(length(min = 1, max = 256))]
    user: Option<String>,
    /// The file with the password; without it, the systemd credential email-password.
    #[schemars(regex(pattern = "^/"))]
    password_file: Option<String>,
    /// The certificate authorities of the server. Default: those of the system.
    #[schemars(regex(pattern = "^/"))]
    ca_file: Option<String>,
    /// What this host calls itself in EHLO: a name with a domain, or an address in brackets. Default: the fully qualified
    /// name of the host, else its address.
    #[schemars(regex(pattern = r"^([A-Za-z0-9-]+([.][A-Za-z0-9-]+)+|\[[0-9A-Fa-f.:IPv]+\])$"))]
    hello: Option<String>,
    /// How long one attempt may take, 1s to 60s. Default: 20s.
    timeout: Option<Duration>,
}

/// A gateway: url or command.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Gateway {
    /// The address of the request, with https. Places: {number}, {number:digits}, {text}, {text:xml}, {id},
    /// {credential:NAME}.
    #[schemars(regex(pattern = "^https?://"))]
    url: Option<String>,
    /// The method of the request. Default: POST.
    method: Option<HttpMethod>,
    /// The headers of the request.
    headers: Option<std::collections::BTreeMap<String, String>>,
    /// The body of the request; values are escaped for JSON, a form, XML or plain text, as Content-Type says.
    #[schemars(length(min = 1))]
    body: Option<String>,
    /// The statuses that mean that the message was taken. Default: 200 to 299.
    #[schemars(length(min = 1))]
    success_status: Option<Vec<Status>>,
    /// A text that the answer has to contain.
    #[schemars(length(min = 1, max = 200))]
    success_body: Option<String>,
    /// The certificate authorities of the gateway. Default: those of the system.
    #[schemars(regex(pattern = "^/"))]
    ca_file: Option<String>,
    /// A program with its arguments; {number} stands for the number, and the text comes on standard input.
    #[schemars(length(min = 1, max = 32))]
    command: Option<Vec<String>>,
    /// How long one attempt may take, 1s to 60s. Default: 20s.
    timeout: Option<Duration>,
    /// The country whose numbers may be written without its code: two letters.
    #[schemars(regex(pattern = "^[A-Z]{2}$"))]
    country: Option<String>,
    /// Beginnings of the numbers that are served. Default: all numbers.
    #[schemars(length(min = 1, max = 1000))]
    allow_prefixes: Option<Vec<Prefix>>,
}

/// Codes that are sent.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Sent {
    /// How many characters a code has. Default: 8.
    #[schemars(range(min = 6, max = 10))]
    digits: Option<u32>,
    /// Of which. Default: digits.
    alphabet: Option<Alphabet>,
    /// How long a code is good, 1m to 10m. Default: 5m.
    lifetime: Option<Duration>,
    /// To what a code is bound. Default: place.
    bind: Option<Bind>,
}

/// The organization's own wording, for all languages that have none of their own.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Texts {
    /// The prompt for a code.
    code: Option<Text>,
    /// The line above a new key.
    enroll: Option<Text>,
    /// Too many wrong codes; has to tell {until}.
    locked: Option<Text>,
    /// A code is needed and none can be given.
    not_enrolled: Option<Text>,
    /// An invitation is needed.
    invitation: Option<Text>,
    /// A code is on its way; has to tell {recipient}.
    sent: Option<Text>,
    /// Setting up can be put off; has to tell skip.
    skip: Option<Text>,
    /// The closing line of an e-mail.
    mail: Option<Text>,
    /// English.
    en: Option<TextsOfLanguage>,
    /// German.
    de: Option<TextsOfLanguage>,
    /// French.
    fr: Option<TextsOfLanguage>,
    /// Spanish.
    es: Option<TextsOfLanguage>,
    /// Simplified Chinese.
    zh: Option<TextsOfLanguage>,
    /// Japanese.
    ja: Option<TextsOfLanguage>,
}

/// The organization's own wording in one language.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TextsOfLanguage {
    /// The prompt for a code.
    code: Option<Text>,
    /// The line above a new key.
    enroll: Option<Text>,
    /// Too many wrong codes; has to tell {until}.
    locked: Option<Text>,
    /// A code is needed and none can be given.
    not_enrolled: Option<Text>,
    /// An invitation is needed.
    invitation: Option<Text>,
    /// A code is on its way; has to tell {recipient}.
    sent: Option<Text>,
    /// Setting up can be put off; has to tell skip.
    skip: Option<Text>,
    /// The closing line of an e-mail.
    mail: Option<Text>,
}

/// One printable line, at most 511 bytes.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Text(#[schemars(length(min = 1, max = 511))] String);

/// The method of a request.
#[derive(JsonSchema)]
#[schemars(rename_all = "UPPERCASE")]
enum HttpMethod {
    /// Values stand in the URL.
    Get,
    /// Values stand in the body or in the URL.
    Post,
    /// Values stand in the body or in the URL.
    Put,
}

/// Of what codes are made.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Alphabet {
    /// Digits.
    Digits,
    /// Letters and digits without look-alikes.
    Letters,
}

/// To what a code is bound besides the person.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Bind {
    /// Service, address and key.
    Place,
    /// The one login that asked.
    Login,
}

/// A status of HTTP.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Status(#[schemars(range(min = 100, max = 599))] u32);

/// The beginning of a number: + and digits.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Prefix(#[schemars(regex(pattern = "^[+][1-9][0-9]{0,14}$"))] String);
