//! Development tasks: `cargo xtask demo`, `test`, `ci`, `bench`, `deb`.
//!
//! Wires arguments to the tasks; each has a file of its own. Nothing here ships.

mod bench;
mod changelog;
mod ci;
mod deb;
mod demo;
mod prerequisites;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

/// Development tasks of Countersign.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Shows newcomers logging in by ssh on a machine of its own: by QR code and one-time code, and by e-mail.
    Demo(demo::Arguments),
    /// Runs every test, having installed what they need.
    Test,
    /// Checks format, lints, documentation, dependencies, file sizes and the sandbox of the service.
    Ci,
    /// Measures logins beside other PAM modules, having installed them.
    Bench,
    /// Builds the Debian package into `target/debian/`.
    Deb(deb::Arguments),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Demo(arguments) => demo::show(&arguments),
        Task::Test => test::all(),
        Task::Ci => ci::all(),
        Task::Bench => bench::measure(),
        Task::Deb(arguments) => deb::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
