//! The language between Countersign's service and its clients.
//!
//! Owns D-Bus names, wire types, client proxies, the frame limit, the one conversation loop that the PAM module and the
//! command line share, the files that the module reads without the service, and lines of /etc/passwd, which all read alike.
//! Decides nothing and logs nothing.

pub mod address;
pub mod breakglass;
pub mod conversation;
pub mod door;
pub mod error;
pub mod frame;
pub mod names;
pub mod outage;
pub mod passwd;
pub mod proxies;
pub mod step;
