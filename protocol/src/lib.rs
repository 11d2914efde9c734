//! The language between Countersign's service and its clients.
//!
//! Owns D-Bus names, wire types, client proxies, the frame limit, the one conversation loop that the PAM module and the
//! command line share, and the files that the module reads without the service. Decides nothing and logs nothing.

pub mod address;
pub mod breakglass;
pub mod conversation;
pub mod door;
pub mod error;
pub mod frame;
pub mod names;
pub mod outage;
pub mod proxies;
pub mod step;
