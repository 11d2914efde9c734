//! The ways in which a person can give a code: their list, and what chooses one (row L6).
//!
//! Owns the numbers: ways stand in the order of the rule, each address and number is a way of its own, and backup codes
//! come last without a number, because they are taken at any prompt. Leaves to the dialogues who may see what.

use crate::account::Account;
use crate::delivery::Recipient;
use crate::factor::{FactorId, FactorKind, Label, Method};
use crate::typed::canonical;
use crate::words::{ListedWay, Shows};

use super::answer::Word;

/// A way in which a code can be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// The person has the code: in an app, on a token, on paper.
    Own(Method),
    /// The code is sent to one of their factors.
    Sent(SentTo),
}

/// A factor that codes are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentTo {
    /// The factor.
    pub(super) factor: FactorId,
    /// Its address or number.
    pub(super) recipient: Recipient,
    label: Label,
}

impl Way {
    /// Tells the method.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Own(method) => *method,
            Self::Sent(to) => to.recipient.channel().method(),
        }
    }

    /// Lends where codes are sent to.
    pub(super) const fn sent(&self) -> Option<&SentTo> {
        match self {
            Self::Own(_) => None,
            Self::Sent(to) => Some(to),
        }
    }
}

/// All ways of a person, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ways(Vec<Way>);

impl Ways {
    /// Lists what a person has, as far as `methods` allows it.
    pub(super) fn of(account: &Account, methods: &[Method]) -> Self {
        let mut ways = Vec::new();
        for method in methods {
            if method.channel().is_some() {
                ways.extend(sent_to(account, *method).map(Way::Sent));
            } else if account.holds(*method) {
                ways.push(Way::Own(*method));
            }
        }
        Self::in_order(ways)
    }

    /// Lists what needs nothing sent, whatever anybody has: where nobody may be singled out.
    pub(super) fn of_anybody(methods: impl IntoIterator<Item = Method>) -> Self {
        Self::in_order(
            methods.into_iter().filter(|method| method.channel().is_none()).map(Way::Own).collect(),
        )
    }

    fn in_order(mut ways: Vec<Way>) -> Self {
        ways.sort_by_key(|way| way.method() == Method::Backup);
        Self(ways)
    }

    /// Finds the way that a word names: the first of its method.
    pub(super) fn named(&self, word: Word) -> Option<&Way> {
        let Word::Way(method) = word else { return None };
        self.0.iter().find(|way| way.method() == method)
    }

    /// Finds the way that an answer chooses which is no word: by its number, or by the label of the factor.
    pub(super) fn chosen(&self, answer: &str) -> Option<&Way> {
        let labeled =
            || self.0.iter().find(|way| way.sent().is_some_and(|to| *canonical(to.label.as_str()) == answer));
        number_of(answer).and_then(|number| self.numbered().nth(number)).or_else(labeled)
    }

    /// Lists the ways to which codes are sent, where the person has no app and no token; then one of them is needed.
    pub(super) fn only_sent(&self) -> Vec<&SentTo> {
        let mut sent = Vec::new();
        for way in self.numbered() {
            match way {
                Way::Own(_) => return Vec::new(),
                Way::Sent(to) => sent.push(to),
            }
        }
        sent
    }

    /// Tells what shows the codes that are to be entered: what was chosen, or else an app or token of the list.
    pub(super) fn shows(&self, chosen: Option<&Way>) -> Option<Shows> {
        let has = |method: Method| match chosen {
            Some(way) => way.method() == method,
            None => self.0.iter().any(|way| way.method() == method),
        };
        match (has(Method::Totp), has(Method::Hotp)) {
            (true, true) => Some(Shows::AppOrToken),
            (true, false) => Some(Shows::App),
            (false, true) => Some(Shows::Token),
            (false, false) => None,
        }
    }

    /// Lists the ways to which codes are sent.
    pub(super) fn sent(&self) -> impl Iterator<Item = &SentTo> {
        self.0.iter().filter_map(Way::sent)
    }

    /// Finds where a factor's codes are sent to.
    pub(super) fn sent_to(&self, factor: FactorId) -> Option<&SentTo> {
        self.sent().find(|to| to.factor == factor)
    }

    fn numbered(&self) -> impl Iterator<Item = &Way> {
        self.0.iter().filter(|way| way.method() != Method::Backup)
    }

    /// Tells whether there is nothing to list.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the list, recipients masked.
    pub(super) fn listed(&self) -> Vec<ListedWay> {
        let listed = |(number, way): (usize, &Way)| ListedWay {
            number: Some(number).filter(|_| way.method() != Method::Backup),
            method: way.method(),
            recipient: way.sent().map(|to| to.recipient.masked()),
        };
        (1..).zip(&self.0).map(listed).collect()
    }

    /// Writes the list without one of the factors.
    pub(super) fn others(&self, than: FactorId) -> Vec<ListedWay> {
        let is_other = |way: &Way| way.sent().is_none_or(|to| to.factor != than);
        self.0.iter().zip(self.listed()).filter(|(way, _)| is_other(way)).map(|(_, listed)| listed).collect()
    }
}

fn sent_to(account: &Account, method: Method) -> impl Iterator<Item = SentTo> {
    account.active_factors().filter_map(move |factor| match &factor.kind {
        FactorKind::Sent(recipient) if recipient.channel().method() == method => {
            Some(SentTo { factor: factor.id, recipient: recipient.clone(), label: factor.label.clone() })
        }
        FactorKind::Sent(_) | FactorKind::Totp(_) | FactorKind::Hotp(_) => None,
    })
}

/// Reads a number of the list, as a place from zero.
pub(super) fn number_of(answer: &str) -> Option<usize> {
    let is_plain = answer.chars().all(|character| character.is_ascii_digit()) && !answer.starts_with('0');
    let number: usize = answer.parse().ok().filter(|_| is_plain)?;
    number.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountKey, Realm, UserName};
    use crate::contact::{EmailAddress, PhoneNumber};
    use crate::factor::totp::TotpParameters;
    use crate::factor::{Factor, FactorState, Totp};
    use crate::secret::Entropy;
    use crate::time::WallTime;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    fn factor(id: u32, label: &str, kind: FactorKind) -> Factor {
        Factor {
            id: FactorId(id),
            label: Label::try_from(label).unwrap(),
            state: FactorState::Active { since: WallTime::default() },
            last_used: None,
            kind,
        }
    }

    fn email(address: &str) -> FactorKind {
        FactorKind::Sent(Recipient::Email(EmailAddress::try_from(address).unwrap()))
    }

    fn account() -> Account {
        let key = AccountKey {
            realm: Realm::try_from("local:0123").unwrap(),
            name: UserName::try_from("alice").unwrap(),
        };
        let mut account = Account::new(key, &mut Zeros);
        let number = PhoneNumber::try_from("+491712345642").unwrap();
        account.factors = vec![
            factor(1, "mailbox", email("alice@example.org")),
            factor(2, "phone", FactorKind::Totp(Totp::generate(TotpParameters::default(), &mut Zeros))),
            factor(3, "mobile phone", FactorKind::Sent(Recipient::Sms(number))),
            factor(4, "Mailbox at home", email("b@example.net")),
        ];
        let _ = account.make_backup_codes(WallTime::default(), &mut Zeros);
        account
    }

    fn written(way: &ListedWay) -> String {
        let number = way.number.map_or_else(String::new, |number| format!("{number} "));
        let recipient = way.recipient.as_ref().map_or_else(String::new, |recipient| format!(" {recipient}"));
        format!("{number}{}{recipient}", way.method.name())
    }

    #[test]
    fn ways_stand_in_the_order_of_the_rule_and_backup_codes_come_last_without_a_number() {
        let methods = [Method::Backup, Method::Totp, Method::Email, Method::Sms];
        let listed = Ways::of(&account(), &methods).listed();
        let written: Vec<String> = listed.iter().map(written).collect();
        assert_eq!(
            written,
            ["1 totp", "2 email a•••@example.org", "3 email b•••@example.net", "4 sms •••• 42", "backup"]
        );
        assert_eq!(
            Ways::of(&account(), &[Method::Sms]).listed().len(),
            1,
            "what the rule does not name is no way"
        );
    }

    #[test]
    fn a_number_chooses_only_within_the_list() {
        let ways = Ways::of(&account(), &Method::ALL);
        let chosen = |answer: &str| ways.chosen(answer).map(Way::method);
        assert_eq!(chosen("1"), Some(Method::Totp));
        assert_eq!(chosen("4"), Some(Method::Sms));
        for answer in ["0", "5", "01", "+1", "", "x", "123456", "99999999999999999999999"] {
            assert_eq!(chosen(answer), None, "{answer}");
        }
    }

    #[test]
    fn a_name_chooses_the_first_of_its_method_and_a_label_its_own() {
        let ways = Ways::of(&account(), &Method::ALL);
        let factor = |way: Option<&Way>| way.and_then(Way::sent).map(|to| to.factor);
        assert_eq!(factor(ways.named(Word::Way(Method::Email))), Some(FactorId(1)));
        assert_eq!(ways.named(Word::Way(Method::Backup)), Some(&Way::Own(Method::Backup)));
        assert_eq!(ways.named(Word::Way(Method::Call)), None);
        assert_eq!(factor(ways.chosen(&canonical("Mailbox at home"))), Some(FactorId(4)));
    }

    #[test]
    fn a_code_has_to_be_sent_only_where_there_is_no_app_and_no_token() {
        assert!(Ways::of(&account(), &Method::ALL).only_sent().is_empty());
        assert_eq!(Ways::of(&account(), &[Method::Email, Method::Backup]).only_sent().len(), 2);
    }

    #[test]
    fn what_is_listed_for_anybody_tells_of_nobody() {
        assert_eq!(Ways::of_anybody(Method::ALL).listed().len(), 3);
        assert!(Ways::of_anybody([Method::Email]).is_empty());
    }
}
