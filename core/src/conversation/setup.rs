//! A new factor: making it, keeping it pending, showing it once.
//!
//! Owns what login and self-service share of an enrollment. A prompt with a QR code begins with a line of text, because
//! clients put their own words before the first line, and holds the key after the drawing, for terminals where blocks
//! are unreadable (DESIGN.md 7).

use crate::account::Account;
use crate::factor::{Factor, FactorId, FactorKind, FactorState, Hotp, Label, Method, PENDING_SECONDS, Totp};
use crate::login::{Host, LoginRequest, Person};
use crate::policy::Policy;
use crate::qr::{Look, draw};
use crate::secret::{Entropy, Secret};
use crate::time::WallTime;
use crate::words::{Drawn, Message, Prompt, Setup};

/// How many bytes of a screen a drawing may take: with the texts around it the screen stays under 4 KiB.
const DRAWING_LIMIT: usize = 3_400;
/// The services besides sshd whose prompts reach a terminal whole (DESIGN.md 3).
const DRAWING_SERVICES: [&str; 5] = ["login", "su", "su-l", "sudo", "sudo-i"];

/// Tells whether a QR code can stand in a prompt of this login.
pub(super) fn can_draw(request: &LoginRequest) -> bool {
    request.is_by_ssh() || DRAWING_SERVICES.contains(&request.service.as_str())
}

/// Makes the new secret of a method that has one: an app or a token.
pub(super) fn new_key(method: Method, policy: &Policy, entropy: &mut dyn Entropy) -> Option<FactorKind> {
    let parameters = policy.settings.totp;
    match method {
        Method::Totp => Some(FactorKind::Totp(Totp::generate(parameters, entropy))),
        Method::Hotp => Some(FactorKind::Hotp(Hotp::generate(parameters.digits, entropy))),
        Method::Email | Method::Sms | Method::Call | Method::Backup => None,
    }
}

/// Makes a pending factor with a label of its own.
pub(super) fn new_factor(
    account: &Account,
    label: Option<&Label>,
    kind: FactorKind,
    at: WallTime,
    entropy: &mut dyn Entropy,
) -> Factor {
    Factor {
        id: unused_id(account, entropy),
        label: label.cloned().unwrap_or_else(|| unused_label(account, kind.method())),
        state: FactorState::Pending { since: at },
        last_used: None,
        kind,
    }
}

fn unused_id(account: &Account, entropy: &mut dyn Entropy) -> FactorId {
    let mut id = FactorId::random(entropy);
    while account.factor(id).is_some() {
        id = FactorId(id.0.wrapping_add(1));
    }
    id
}

fn unused_label(account: &Account, method: Method) -> Label {
    let mut number = 1;
    while has_label(account, &Label::numbered(method, number)) {
        number += 1;
    }
    Label::numbered(method, number)
}

/// Tells whether an active factor has this label, in whatever case.
pub(super) fn has_label(account: &Account, label: &Label) -> bool {
    account.active_factors().any(|factor| factor.label.as_str().eq_ignore_ascii_case(label.as_str()))
}

/// Finds the enrollment that waits for its code.
pub(super) fn pending(account: &Account, at: WallTime) -> Option<&Factor> {
    account.factors.iter().find(|factor| match factor.state {
        FactorState::Pending { since } => at.since(since).as_secs() <= PENDING_SECONDS,
        FactorState::Active { .. } => false,
    })
}

/// Puts a pending factor in the place of whatever was pending; where as many are kept as a person may hold, the oldest void one
/// makes room.
pub(super) fn replace_pending(account: &mut Account, factor: Factor) {
    account.factors.retain(|other| matches!(other.state, FactorState::Active { .. }));
    account.factors.push(factor);
    account.make_room();
}

/// Names the person in the app: with the first label of the host's name where the account is this host's alone.
pub(super) fn owner_name(person: &Person, host: &Host) -> String {
    let host_label = host.name.split('.').next().unwrap_or_default();
    if person.realm.as_str().starts_with("local:") && !host_label.is_empty() {
        format!("{}@{host_label}", person.name)
    } else {
        person.name.to_string()
    }
}

/// Makes the URI that an app scans: short, because its length decides the size of the QR code.
pub(super) fn uri(kind: &FactorKind, policy: &Policy, owner: &str) -> Option<Secret<String>> {
    kind.uri(&policy.settings.organization, owner)
}

/// How a new key reaches the person, besides as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// As a QR code in the prompt.
    Drawn(Look),
    /// As a QR code that the client draws from the URI.
    ByClient,
    /// Not otherwise.
    AsText,
}

/// Composes the prompt that shows a new key: drawn where that is wanted and fits, and always as text.
pub(super) fn screen(kind: &FactorKind, policy: &Policy, owner: &str, shown: Shown) -> Vec<Message> {
    let drawing = match shown {
        Shown::Drawn(look) => uri(kind, policy, owner).and_then(|uri| draw(uri.expose(), look)),
        Shown::ByClient | Shown::AsText => None,
    };
    let drawing = drawing.filter(|drawing| drawing.len() <= DRAWING_LIMIT);
    let drawn = if drawing.is_some() { Drawn::Yes } else { Drawn::No };
    let method = kind.method();
    let intro = match (drawn, shown) {
        (Drawn::Yes, _) => Setup::Scan,
        (Drawn::No, Shown::ByClient) => Setup::ScanOrEnterKey { method },
        (Drawn::No, Shown::Drawn(_) | Shown::AsText) => Setup::EnterKey { method },
    };
    let mut messages = vec![Message::Setup(intro)];
    messages.extend(drawing.map(|drawing| Message::Setup(Setup::Drawing(Secret::new(drawing)))));
    messages.extend(kind.key_in_groups().map(|key| Message::Setup(Setup::Key { key, drawn })));
    messages.push(Message::Prompt(Prompt::Code));
    messages
}
