//! The dialogues, driven as the daemon drives them: events in, commits with compare-and-set, records, replies.

#![expect(clippy::expect_used, reason = "a test that cannot set its scene fails")]

mod phone;
mod script;
mod transcripts;
mod world;
