//! The configuration file of Countersign: `countersign.toml` and the drop-ins in `policy.d`.
//!
//! Owns reading, checking and describing the file, and its conversion into the values of `core`. Leaves every decision
//! about a login to `core`. Invariants: a policy comes of files without a single error, or not at all; nothing in a
//! file is ignored; every error is found in one go; what another than the owner could have written is not read.
//!
//! The story of one load, in the order of the modules: [`files`](Trust) opens and trusts, `document` parses, `settings`,
//! `rules` and `demand` read `values` with their places, `order` compares the rules, `load` makes the policy.

mod audit;
mod authority;
mod body;
mod calendar;
mod canonical;
mod command;
mod delivery;
mod demand;
mod diagnostics;
mod document;
mod domain;
mod duration;
mod email;
mod files;
mod force;
mod gateway;
pub mod guarded;
mod headers;
mod host;
mod keys;
mod known;
mod limits;
mod load;
mod mask;
mod named;
mod names;
mod network;
mod order;
mod overlap;
mod pam_services;
mod path;
mod placed;
mod places;
mod postgresql;
mod printable;
mod protected;
mod reach;
mod reader;
mod request;
mod root_login;
mod rules;
mod schema;
mod sections;
mod sent;
mod services;
mod sessions;
mod settings;
mod source;
mod store;
mod switch;
mod tables;
mod template;
mod terms;
mod texts;
mod values;
mod wording;

pub use canonical::fqdn;
pub use delivery::{BodyForm, DeliverySettings, EmailServer, Gateway, GatewayWay, HttpGateway, Security};
pub use demand::ENROLL_WITHIN_LIMIT;
pub use diagnostics::{DIAGNOSTIC_LIMIT, Diagnostic, Excerpt, Severity};
pub use files::{DROP_IN_LIMIT, FILE_LIMIT, Trust};
pub use host::HOST_LIMIT;
pub use known::{Known, NAMES_LIMIT, Names};
pub use load::{Loaded, check, check_installed, check_with, interpret, load, load_copy};
pub use pam_services::{Doubt, doubt_service};
pub use postgresql::{ClientCertificate, PostgresUrl, SERVER_LIMIT, Server, Transport, UrlRefusal};
pub use reader::Reader;
pub use rules::RULE_LIMIT;
pub use schema::schema;
pub use services::may_be_ssh;
pub use settings::{HELP_LIMIT, ORGANIZATION_LIMIT};
pub use store::{Database, LocalNames, StoreSettings};

pub use template::{Piece, Placeholder, Template, UnknownPlace};
pub use values::{ENTRY_LIMIT, NAME_LIMIT};
