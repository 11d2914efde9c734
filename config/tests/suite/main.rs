//! The configuration file from outside: what is taken, what is refused, and how it is said.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test whose preparation fails has to fail")]
#![expect(clippy::format_collect, reason = "the texts are small, and read better so")]

mod delivery;
mod diagnostics;
mod files;
mod folder;
mod manual;
mod properties;
mod rules;
mod schema;
mod settings;
mod switch;
mod texts;
