//! Strict reading of the open facts (`a{sv}`) that the service answers with.
//!
//! Owns the edge: a fact that is missing or of another type is a failure, unknown facts are ignored (changes only add),
//! and every text is filtered to what may reach a terminal before anything else sees it.

use countersign_protocol::proxies::OwnedFacts;
use zbus::OwnedVariant;

use crate::exit::Failure;
use crate::output::printable;
use crate::time::Moment;

/// Facts of one answer; each is taken out once.
pub(crate) struct Facts(OwnedFacts);

impl From<OwnedFacts> for Facts {
    fn from(facts: OwnedFacts) -> Self {
        Self(facts)
    }
}

impl Facts {
    /// Takes a fact that must be there.
    fn required<T: TryFrom<OwnedVariant>>(&mut self, key: &'static str) -> Result<T, Failure> {
        self.optional(key)?.ok_or_else(|| Failure::malformed(&format!("`{key}` is missing")))
    }

    /// Takes a fact that may be absent, never of another type.
    fn optional<T: TryFrom<OwnedVariant>>(&mut self, key: &'static str) -> Result<Option<T>, Failure> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        let wrong = |_| Failure::malformed(&format!("`{key}` is of another type"));
        T::try_from(value).map(Some).map_err(wrong)
    }

    /// Takes a text, filtered.
    pub(crate) fn text(&mut self, key: &'static str) -> Result<String, Failure> {
        self.required::<String>(key).map(|text| printable(&text))
    }

    /// Takes a text that may be absent, filtered.
    pub(crate) fn optional_text(&mut self, key: &'static str) -> Result<Option<String>, Failure> {
        Ok(self.optional::<String>(key)?.map(|text| printable(&text)))
    }

    /// Takes a yes or no.
    pub(crate) fn flag(&mut self, key: &'static str) -> Result<bool, Failure> {
        self.required(key)
    }

    /// Takes a yes or no that may be absent.
    pub(crate) fn optional_flag(&mut self, key: &'static str) -> Result<Option<bool>, Failure> {
        self.optional(key)
    }

    /// Takes a number.
    pub(crate) fn number(&mut self, key: &'static str) -> Result<u32, Failure> {
        self.required(key)
    }

    /// Takes a number that may be absent.
    pub(crate) fn optional_number(&mut self, key: &'static str) -> Result<Option<u32>, Failure> {
        self.optional(key)
    }

    /// Takes a great number.
    pub(crate) fn long(&mut self, key: &'static str) -> Result<u64, Failure> {
        self.required(key)
    }

    /// Takes a great number that may be absent.
    pub(crate) fn optional_long(&mut self, key: &'static str) -> Result<Option<u64>, Failure> {
        self.optional(key)
    }

    /// Takes a moment that may be absent.
    pub(crate) fn moment(&mut self, key: &'static str) -> Result<Option<Moment>, Failure> {
        let Some(seconds) = self.optional::<u64>(key)? else { return Ok(None) };
        let moment = Moment::from_seconds(seconds);
        moment.map(Some).ok_or_else(|| Failure::malformed(&format!("`{key}` is no time")))
    }

    /// Takes texts, filtered; absent is none.
    pub(crate) fn texts(&mut self, key: &'static str) -> Result<Vec<String>, Failure> {
        let texts = self.optional::<Vec<String>>(key)?.unwrap_or_default();
        Ok(texts.iter().map(|text| printable(text)).collect())
    }

    /// Takes texts of several lines, each line filtered; absent is none.
    pub(crate) fn blocks(&mut self, key: &'static str) -> Result<Vec<String>, Failure> {
        let filtered = |text: &String| text.split('\n').map(printable).collect::<Vec<_>>().join("\n");
        Ok(self.optional::<Vec<String>>(key)?.unwrap_or_default().iter().map(filtered).collect())
    }

    /// Takes pairs of texts, filtered; absent is none.
    pub(crate) fn pairs(&mut self, key: &'static str) -> Result<Vec<(String, String)>, Failure> {
        let pairs = self.optional::<Vec<(String, String)>>(key)?.unwrap_or_default();
        Ok(pairs.iter().map(|(first, second)| (printable(first), printable(second))).collect())
    }

    /// Takes facts within facts that may be absent; absent is none.
    pub(crate) fn optional_list(&mut self, key: &'static str) -> Result<Vec<Self>, Failure> {
        let list = self.optional::<Vec<OwnedFacts>>(key)?.unwrap_or_default();
        Ok(list.into_iter().map(Self).collect())
    }

    /// Takes facts within facts.
    pub(crate) fn list(&mut self, key: &'static str) -> Result<Vec<Self>, Failure> {
        let list = self.required::<Vec<OwnedFacts>>(key)?;
        Ok(list.into_iter().map(Self).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use zbus::Variant;

    fn facts(entries: &[(&str, Variant<'static>)]) -> Facts {
        let own = |value: &Variant<'static>| OwnedVariant::try_from(value).unwrap();
        Facts(entries.iter().map(|(key, value)| ((*key).to_owned(), own(value))).collect())
    }

    #[test]
    fn a_missing_fact_and_one_of_another_type_are_failures() {
        let mut facts = facts(&[("removed", Variant::from("two"))]);
        assert_eq!(facts.number("removed").unwrap_err().exit, Exit::Unavailable);
        assert_eq!(facts.flag("was_locked").unwrap_err().exit, Exit::Unavailable);
    }

    #[test]
    fn texts_lose_what_may_not_reach_a_terminal() {
        let mut facts = facts(&[
            ("label", Variant::from("a\u{1b}]52;c;x\u{7}\nb")),
            ("methods", Variant::from(vec!["to\u{202e}tp"])),
        ]);
        assert_eq!(facts.text("label").unwrap(), "a\u{fffd}]52;c;x\u{fffd}\u{fffd}b");
        assert_eq!(facts.texts("methods").unwrap(), ["to\u{fffd}tp"]);
    }

    #[test]
    fn texts_of_several_lines_keep_their_lines_and_lose_the_rest() {
        let mut facts = facts(&[("mistakes", Variant::from(vec!["error: a\n --> \u{1b}[2J\r"]))]);
        assert_eq!(facts.blocks("mistakes").unwrap(), ["error: a\n --> \u{fffd}[2J\u{fffd}"]);
    }

    #[test]
    fn lists_within_facts_are_read() {
        let inner: OwnedFacts =
            [("id".to_owned(), OwnedVariant::try_from(Variant::from(7_u32)).unwrap())].into();
        let mut facts = facts(&[("factors", Variant::from(vec![inner]))]);
        assert_eq!(facts.list("factors").unwrap()[0].number("id").unwrap(), 7);
    }
}
