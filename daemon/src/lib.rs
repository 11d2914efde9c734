//! The Countersign service.

pub mod store;
