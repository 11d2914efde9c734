//! What the pure crate decides, seen through its public door: policy, throttle, factors, audit, helpdesk, QR codes.

#![cfg(test)]

mod audit;
mod delivery;
mod explain;
mod helpdesk;
mod idle;
mod people;
mod policy;
mod qr;
mod simulate;
mod terms;
mod throttle;
mod totp;
