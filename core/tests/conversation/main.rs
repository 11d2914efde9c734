//! The dialogues, driven as the daemon drives them: events in, commits with compare-and-set, records, replies.

#![expect(clippy::expect_used, reason = "a test that cannot set its scene fails")]

mod acts;
mod answers;
mod codes;
mod easing;
mod foresight;
mod host_clock;
mod invariants;
mod logins;
mod mailbox;
mod phone;
mod play;
mod reaching;
mod restored;
mod scenes;
mod screens;
mod script;
mod self_service;
mod sent;
mod sent_play;
mod sessions;
mod transcripts;
mod void;
mod wording;
mod world;
