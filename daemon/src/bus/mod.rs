//! The service's two doors: its own socket and the system bus.

pub mod door;
