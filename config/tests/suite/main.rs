//! The configuration file from outside: what is taken, what is refused, and how it is said.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test whose preparation fails has to fail")]
#![expect(clippy::format_collect, reason = "the texts are small, and read better so")]

mod delivery;
mod diagnostics;
mod files;
mod folder;
mod installed;
mod manual;
mod names;
mod places;
mod properties;
mod protected;
mod rules;
mod schema;
mod sessions;
mod settings;
mod switch;
mod texts;
