//! What the end-to-end tests stand on: a booted Debian machine, a person and their phone, a dialogue on a terminal.
//!
//! Each part drives what was built, from outside, by the doors that people use; none knows how Countersign decides.
//! Whatever a part starts or makes is gone when its value is dropped, also after a panic.

pub mod caller;
pub mod capture;
pub mod dialogue;
pub mod guide;
pub mod machine;
pub mod mail;
pub mod pam;
pub mod person;
pub mod phone;
pub mod postgres;
pub mod scanner;
pub mod security_key;
pub mod service;
pub mod site;
pub mod sms;
pub mod smtp;
