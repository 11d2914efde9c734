//! `combined`: password and code in one answer, for clients with one prompt only (row L12).
//!
//! Owns how the answer is split. The line stands before the first factor: it gives the password on to the modules behind
//! it and keeps the code for the code line, which answers its first prompt with it. So no code is looked at before the
//! first factor has succeeded. It decides nothing: its IGNORE leaves the login to the other lines.

use countersign_protocol::error::ScreenError;
use zeroize::Zeroizing;

use crate::handle::{CODE, Handle};
use crate::outcome::Failure;

/// What the one prompt says; short, because such clients show little of it.
const PROMPT: &str = "Password and code: ";
/// The longest answer, in bytes (`PAM_MAX_RESP_SIZE`).
const ANSWER_LIMIT: usize = 512;

/// Asks once, gives the password on, keeps the code.
pub(crate) fn split_answer(handle: &mut Handle<'_>, digits: usize) -> Result<(), Failure> {
    let answer = handle.ask(true, PROMPT)?;
    let (password, code) = split(&answer, digits).ok_or(Failure::Screen(ScreenError::TooLong))?;
    handle.keep(&CODE, Some(Zeroizing::new(code.to_owned())))?;
    handle.give_password(password)
}

/// Splits behind the last comma, else before the last digits; an answer without a code leaves it empty.
fn split(answer: &str, digits: usize) -> Option<(&str, &str)> {
    if answer.len() > ANSWER_LIMIT {
        return None;
    }
    if let Some((password, code)) = answer.rsplit_once(',') {
        return Some((password, code));
    }
    let start = answer.len().checked_sub(digits);
    let parts = start.and_then(|start| answer.split_at_checked(start));
    let has_code = |(_, code): &(&str, &str)| code.bytes().all(|byte| byte.is_ascii_digit());
    Some(parts.filter(has_code).unwrap_or((answer, "")))
}

#[cfg(test)]
#[path = "../tests/combined.rs"]
mod tests;
