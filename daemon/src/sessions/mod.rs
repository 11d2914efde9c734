//! Sessions of people, through systemd-logind: ended with an act on their owner, or because nobody uses them.
//!
//! Ending a session is a wish beside what it belongs to: where it fails, that is said and logged, and all else stands.

pub mod ending;
pub mod idle;
mod login_user;
mod logind;
pub mod terminal;
mod told;

pub use ending::{Others, end};
pub use login_user::login_user;
