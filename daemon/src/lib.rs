//! The Countersign service.

pub mod bus;
pub mod directory;
pub mod engine;
pub mod host;
pub mod store;
