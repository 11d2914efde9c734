//! A stand-in for the authenticator app or token of a person: it knows the key and the time, nothing else.

use countersign_core::factor::{Factor, FactorKind};
use countersign_core::time::WallTime;

/// An app with one key and the default parameters.
#[derive(Debug, Clone)]
pub(crate) struct Phone {
    key: Vec<u8>,
}

impl Phone {
    /// Takes the key of a factor.
    pub(crate) fn of(factor: &Factor) -> Self {
        let key = match &factor.kind {
            FactorKind::Totp(totp) => totp.secret.expose().clone(),
            FactorKind::Hotp(hotp) => hotp.secret.expose().clone(),
            FactorKind::Sent(_) => panic!("nothing lies on a phone of what is sent"),
        };
        Self { key }
    }

    /// Takes the key as it stands on the screen.
    pub(crate) fn typed(groups: &str) -> Self {
        let key: String = groups.split_whitespace().collect();
        Self { key: data_encoding::BASE32_NOPAD.decode(key.as_bytes()).expect("a key in base32") }
    }

    /// Tells the code of the step that lies `offset` steps from the present one.
    pub(crate) fn code(&self, at: WallTime, offset: i64) -> String {
        let step = (at.as_seconds() / 30).checked_add_signed(offset).expect("a step after 1970");
        let app = totp_rs::Builder::new().with_secret(self.key.clone()).with_skew(0).build_noncompliant();
        app.generate(step * 30).to_string()
    }

    /// Tells the code of a counter, as a token with this key shows it.
    pub(crate) fn token_code(&self, counter: u64) -> String {
        let token = totp_rs::Builder::new()
            .with_secret(self.key.clone())
            .with_step_duration(1)
            .with_skew(0)
            .build_noncompliant();
        token.generate(counter).to_string()
    }

    /// Tells a code that fits nowhere within half an hour: the `number`th of them.
    pub(crate) fn wrong(&self, at: WallTime, number: usize) -> String {
        let near: Vec<String> = (-62..=62).map(|offset| self.code(at, offset)).collect();
        let mut free = (0..).map(|number| format!("{number:06}")).filter(|code| !near.contains(code));
        free.nth(number).expect("a free code")
    }
}
