//! What a person should do next, where there is something.

use super::{FactorRow, Standing};

impl Standing {
    /// Tells the person what they should do next, where there is something.
    pub(crate) fn advice(&self) -> Option<String> {
        if self.is_switched_off() {
            return Some("The second factor is switched off on this host.".to_owned());
        }
        if self.factors.iter().any(FactorRow::is_active) {
            return self.advice_on_backup_codes().map(str::to_owned);
        }
        let (method, what) = self.first_to_set_up().filter(|_| self.available != Some(false))?;
        if let Some(void) = self.factors.iter().find(|factor| factor.is_void()) {
            return Some(self.advice_on_void(void));
        }
        if self.skipped == Some(0) {
            return Some(format!(
                "You have put off setting up, and no login asks again. To set up {what} all the same: countersign enroll {method}"
            ));
        }
        let is_asked = match self.requirement.as_deref() {
            Some("never") => None,
            Some(_) if self.is_monitored() => Some(false),
            Some("chosen") => self.chosen,
            Some(other) => Some(other == "always"),
            None => Some(false),
        };
        let begun = self.factors.iter().find(|factor| factor.state == "pending");
        let advice = match (is_asked?, self.enroll.as_deref()) {
            _ if let Some(FactorRow { method, .. }) = begun => format!(
                "You have begun to set up {}. Go on at your next login, or anew: countersign enroll {method}",
                what_it_is(method)
            ),
            (true, Some("invited")) => {
                format!("A code will be asked for. Ask for an invitation, then: countersign enroll {method}")
            }
            (false, Some("invited")) => {
                format!("With an invitation you can set up {what}: countersign enroll {method}")
            }
            (true, _) => {
                format!("A code will be asked for. Set up {what} now: countersign enroll {method}")
            }
            (false, _) => format!("You can set up {what}: countersign enroll {method}"),
        };
        Some(advice)
    }

    fn advice_on_void(&self, FactorRow { method, .. }: &FactorRow) -> String {
        let invitation = match self.enroll.as_deref() {
            Some("invited") => "Ask for an invitation, then set it up again",
            Some(_) | None => "Set it up again",
        };
        format!(
            "What you have was {} and no longer counts. {invitation}: countersign enroll {method}",
            self.set_up_when()
        )
    }

    /// Tells the method to begin with, which the policy names first.
    fn first_to_set_up(&self) -> Option<(&str, &'static str)> {
        let method = self.methods.iter().find(|method| *method != "backup")?;
        Some((method, what_it_is(method)))
    }

    fn advice_on_backup_codes(&self) -> Option<&'static str> {
        let takes_backup = self.methods.iter().any(|method| method == "backup");
        (takes_backup && self.backup_codes_left.unwrap_or(0) == 0)
            .then_some("You have no backup codes for the day your phone is lost: countersign backup-codes")
    }
}

/// Tells in words what a method is.
fn what_it_is(method: &str) -> &'static str {
    match method {
        "totp" => "an authenticator app",
        "hotp" => "a hardware token",
        "email" => "codes by e-mail",
        "sms" => "codes by text message",
        "call" => "codes by telephone",
        _ => "a second factor",
    }
}
