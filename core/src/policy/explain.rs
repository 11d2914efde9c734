//! Why a login is decided as it is (row P6).
//!
//! Owns the explanation; the decision in it is the one that a login gets, made by the same code.

use super::Policy;
use super::matcher::{Decision, Fit, PassedOver};
use crate::account::RuleName;
use crate::login::LoginRequest;

/// A decision and what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What is decided.
    pub decision: Decision,
    /// The rules that were looked at and did not decide, in the order of the file, each with its reason. Rules after
    /// the first that certainly matches are not looked at.
    pub passed_over: Vec<(RuleName, PassedOver)>,
}

impl Policy {
    /// Decides like [`Policy::decide`] and tells why.
    #[must_use]
    pub fn explain(&self, request: &LoginRequest) -> Explanation {
        let (looked, decision) = self.weigh(request);
        let passed_over = looked
            .into_iter()
            .filter(|looked| looked.rule.name != decision.rule)
            .map(|looked| {
                let reason = match looked.fit {
                    Fit::Not(reason) => reason,
                    Fit::Certain | Fit::Possible => PassedOver::LessStrict { than: decision.rule.clone() },
                };
                (looked.rule.name.clone(), reason)
            })
            .collect();
        Explanation { decision, passed_over }
    }
}
