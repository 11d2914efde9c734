//! A person's phone: the authenticator app that was given a setup key.
//!
//! It knows no more than a real one does, the setup key as it was shown and the clock of this computer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use totp_rs::{Builder, Secret, Totp};

/// Seconds for which an authenticator app shows one code (RFC 6238, the default of every app).
const STEP: u64 = 30;

/// How near to its end a step is avoided, so that its code is not stale when it is checked.
const MARGIN: Duration = Duration::from_secs(8);

/// An authenticator app that holds one account.
pub struct Phone {
    app: Totp,
    /// The step of the last code given out as unused.
    used: u64,
}

impl Phone {
    /// Takes the setup key as a person types it from the screen: base32 in any case, with or without spaces.
    ///
    /// # Errors
    /// When the text is not the base32 of at least 128 bits.
    pub fn with_setup_key(shown: &str) -> Result<Self> {
        let key: String = shown.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let secret = Secret::try_from_base32(key.to_ascii_uppercase()).ok().context("not a setup key")?;
        let builder = Builder::new().with_secret(secret).with_account_name("phone");
        Ok(Self { app: builder.build().context("setup key refused by the app")?, used: 0 })
    }

    /// Returns the code that the app shows now.
    ///
    /// # Errors
    /// When the clock of this computer stands before 1970.
    pub fn code(&self) -> Result<String> {
        self.code_at(0)
    }

    /// Returns the code of `steps` steps from now: -1 is the one shown before, 1 the one to come.
    ///
    /// # Errors
    /// When that step lies before 1970.
    pub fn code_at(&self, steps: i64) -> Result<String> {
        let step = (seconds()? / STEP).checked_add_signed(steps).context("before 1970")?;
        Ok(self.app.generate(step * STEP).to_string())
    }

    /// Returns a code that this phone did not give out before and that is accepted now: of the step before, this one or
    /// the next (RFC 6238 asks servers to accept a neighbor). Waits for the clock when all three are used.
    ///
    /// # Errors
    /// When the clock of this computer stands before 1970.
    pub fn unused_code(&mut self) -> Result<String> {
        let now = seconds()? / STEP;
        let oldest = if self.shown_for()? < MARGIN { now } else { now - 1 };
        let step = oldest.max(self.used + 1);
        if step > now + 1 {
            std::thread::sleep(self.shown_for()?);
            return self.unused_code();
        }
        self.used = step;
        Ok(self.app.generate(step * STEP).to_string())
    }

    /// Returns a code that is certainly wrong now and for a minute before and after.
    ///
    /// # Errors
    /// When the clock of this computer stands before 1970.
    pub fn wrong_code(&self) -> Result<String> {
        let near = (-3..=3).map(|steps| self.code_at(steps)).collect::<Result<Vec<_>>>()?;
        let wrong = (0..10).map(|digit| digit.to_string().repeat(6)).find(|code| !near.contains(code));
        wrong.context("more codes than there are")
    }

    /// Returns how long the code shown now will still be shown.
    ///
    /// # Errors
    /// When the clock of this computer stands before 1970.
    pub fn shown_for(&self) -> Result<Duration> {
        Ok(Duration::from_secs(STEP - seconds()? % STEP))
    }

    /// Finds the setup key on a screen: six or more groups of four base32 characters in one line.
    ///
    /// # Errors
    /// When no such line or more than one different key is found.
    pub fn from_screen(text: &str) -> Result<Self> {
        Self::with_setup_key(&setup_key(text)?)
    }
}

/// Returns the one setup key that a screen shows, without spaces.
///
/// # Errors
/// When none or more than one different key is found.
pub fn setup_key(screen: &str) -> Result<String> {
    let mut keys: Vec<String> = screen.lines().filter_map(key_in_line).collect();
    keys.dedup();
    ensure!(keys.len() < 2, "{} setup keys on the screen:\n{screen}", keys.len());
    keys.pop().with_context(|| format!("no setup key on the screen:\n{screen}"))
}

/// Returns the first run of at least six groups of four base32 characters.
fn key_in_line(line: &str) -> Option<String> {
    let is_group =
        |word: &str| word.len() == 4 && word.chars().all(|c| c.is_ascii_uppercase() || "234567".contains(c));
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut runs = words.split(|word| !is_group(word));
    runs.find(|run| run.len() >= 6).map(<[&str]>::concat)
}

fn seconds() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).context("clock before 1970")?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ";

    #[test]
    fn a_key_on_the_screen_is_the_key_in_the_app() {
        let screen = format!("Scan this:\n\u{2588}\u{2588}\nKey: {KEY}  (`invert` redraws)\nCode: ");
        let phone = Phone::from_screen(&screen).unwrap();
        assert_eq!(phone.app.generate(59).to_string(), "287082", "RFC 6238, appendix B");
    }

    #[test]
    fn a_screen_without_a_key_is_refused() {
        assert!(Phone::from_screen("Code: ").is_err());
    }

    #[test]
    fn a_wrong_code_is_none_of_those_around_now() {
        let phone = Phone::with_setup_key(KEY).unwrap();
        let wrong = phone.wrong_code().unwrap();
        assert!((-2..=2).all(|steps| phone.code_at(steps).unwrap() != wrong));
    }
}
