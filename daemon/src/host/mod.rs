//! The host that the service runs on: its clocks, its randomness, its identity.

pub mod clock;
pub mod entropy;
pub mod identity;
