//! The language between Countersign's service and its clients.
//!
//! Owns D-Bus names, wire types, client proxies, the frame limit and the one conversation loop that the PAM module and
//! the command line share. Decides nothing and logs nothing.

pub mod breakglass;
pub mod conversation;
pub mod door;
pub mod error;
pub mod frame;
pub mod names;
pub mod proxies;
pub mod step;
