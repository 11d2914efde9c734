//! Every decision of Countersign, pure.
//!
//! Owns: policy, factors, throttle, the conversations of login, enrollment and removal, helpdesk acts, audit
//! encoding, wording. Leaves to others: files (`config`), the bus, the store, clocks and randomness (`daemon`).
//! Time, randomness and accounts are arguments; effects are values. Nothing here does I/O, logs, or spawns.
//!
//! # Glossary
//! One word per idea, everywhere in the code, on the bus and in the documentation.
//!
//! | word | meaning |
//! |---|---|
//! | login | one attempt of a person to get through a service; begins with `Login.Begin` |
//! | person | who logs in: canonical name and origin, as the name service tells it |
//! | account | what Countersign keeps of a person: factors, throttle, epoch |
//! | factor | one enrolled method of a person (an authenticator app, a token) |
//! | enrollment | setting up a factor; pending until a code from it is verified |
//! | code | what the person types: one-time code, backup code, invitation, sent code, (later) bypass code |
//! | channel | a way on which codes are sent: e-mail, text message, call |
//! | contact | an address or number of a person; on file, or their own |
//! | delivery | a message on its way to one recipient |
//! | backup code | one of ten codes on paper, each good for one login |
//! | invitation | a one-time code with which an unenrolled person sets up a first factor |
//! | requirement | what the deciding rule demands: always, chosen, enrolled, never |
//! | conversation | the state machine behind one dialogue |
//! | step | what a conversation answers: a state and lines to show |
//! | line | one text to show or prompt with, in one of five styles |
//! | verdict | how a login ended: allow, deny, lock out, skip, unavailable |
//! | throttle | the counters of wrong codes, in buckets by where they came from |
//!
//! # Invariants
//! Each has a property test.
//! 1. **Commit before reply**: a turn's replies are shown only after its commit; a failed commit is `Unavailable`.
//! 2. **One code, one use**: a change carries the revision it was decided on; a TOTP is accepted only at a step
//!    greater than the last accepted one, an HOTP only at a counter not used yet; a backup code and an invitation are
//!    gone from the account in the commit that accepts them.
//! 3. **No verdict without an audit event**, and no secret inside one.
//! 4. **Every path ends**, and the charge for an answer is part of the commit that evaluates it.
//! 5. **Same questions** for unknown people as for enrolled ones.

#![forbid(unsafe_code)]

pub mod account;
pub mod audit;
pub mod contact;
pub mod conversation;
pub mod delivery;
pub mod factor;
pub mod helpdesk;
pub mod idle;
pub mod invitation;
pub mod keyed;
mod letters;
pub mod login;
pub mod notice;
pub mod policy;
pub mod printable;
pub mod qr;
pub mod remember;
pub mod restore;
pub mod secret;
pub mod sending;
pub mod throttle;
pub mod time;
pub mod typed;
pub mod words;
