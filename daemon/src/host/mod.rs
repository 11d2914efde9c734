//! The host that the service runs on: its clocks, its randomness, its identity, its journal and its manager.

pub mod breakglass;
pub mod clock;
pub mod confine;
pub mod durable;
pub mod entropy;
pub mod identity;
pub mod journal;
pub mod names;
pub mod notify;
pub mod outage;
pub mod restarts;
pub mod timeline;
pub mod upkeep;
pub mod vigil;
