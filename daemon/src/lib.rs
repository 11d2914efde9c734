//! The Countersign service: one engine behind two doors.
//!
//! Owns how the parts are put together at the start and taken down at the end. The story of a login: `bus::door` lets the
//! PAM module in, `bus::login` says who is meant, `engine` has core decide and the store commit, and only then answers.

pub mod args;
pub mod bus;
pub mod delivery;
pub mod directory;
pub mod engine;
pub mod host;
pub mod reload;
pub mod restore;
pub mod rollback;
pub mod sessions;
pub mod spool;
mod start;
pub mod store;
pub mod switch;

pub use start::{StartError, run, state_folder};
