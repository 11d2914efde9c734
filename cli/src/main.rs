//! `countersign`: the command line of Countersign.
//!
//! Wires arguments to commands and their ends to exit codes. Holds no policy and opens no store: whatever is decided is
//! decided by the service, which this program asks over the system bus.

mod args;
mod bus;
mod changes;
mod chosen;
mod commands;
mod contacts;
mod courses;
mod dialogue;
mod duration;
mod exit;
mod explanation;
mod facts;
mod layout;
mod lists;
mod mistakes;
mod name_service;
mod output;
mod people;
mod policy_files;
mod progress;
mod qr;
mod record;
mod screen;
mod since;
mod sshd;
mod standing;
mod tally;
mod time;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;
use crate::exit::{Exit, Failure};
use crate::output::Output;

fn main() -> ExitCode {
    let Arguments { global, command } = Arguments::parse();
    let output = Output::new(global.json, global.quiet, global.color);
    let context = commands::Context { output: output.clone(), bus_address: global.bus };
    let ended = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(commands::run(command, context));
            // A thread may still wait for the terminal after Ctrl-C: it ends with the process.
            runtime.shutdown_background();
            ended
        }
        Err(error) => {
            Err(Failure::new(Exit::Unavailable, format!("This process cannot wait for events: {error}.")))
        }
    };
    let exit = ended.map_or_else(
        |failure| {
            output.failure(&failure);
            failure.exit
        },
        |()| Exit::Done,
    );
    ExitCode::from(exit.code())
}
