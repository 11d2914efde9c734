//! The command as people and scripts run it: against a scripted service on a private bus, and without one.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a harness that fails stops its test"
)]

#[expect(clippy::needless_pass_by_value, reason = "arguments as the bus hands them over")]
mod admin;
mod audit;
mod bus;
mod choosing;
mod contacts;
mod delivery;
mod dialogues;
mod help;
mod helpdesk;
mod places;
mod policy;
mod report;
#[expect(clippy::needless_pass_by_value, reason = "arguments as the bus hands them over")]
mod service;
mod simulate;
mod status;
mod store;
mod terminal;
mod unreachable;
mod user_list;
