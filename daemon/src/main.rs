//! `countersignd`: reads its arguments, confines itself, and runs the service.

use std::process::ExitCode;

use countersignd::args::{Request, USAGE};
use countersignd::delivery::command::runner;
use countersignd::host::{confine, restarts};
use countersignd::sessions::terminal;
use countersignd::store::postgres::{self, Migrated};
use tracing::level_filters::LevelFilter;

/// Threads that run the doors and the engine.
const WORKERS: usize = 2;
/// Threads for what blocks: the name service, and the store's own.
const BLOCKING: usize = 16;

fn main() -> ExitCode {
    let args = match Request::parse(std::env::args_os().skip(1)) {
        Ok(Request::Serve(args)) => args,
        Ok(Request::Migrate(url)) => return migrate(*url),
        Ok(Request::DeliverCommand(config)) => return alone(runner::run(&config)),
        Ok(Request::TellTerminal) => return alone(terminal::run()),
        Ok(Request::Version) => {
            println!("countersignd {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Ok(Request::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("countersignd: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
    // A panic's message may hold what was being decided: only the place is told.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic");
    }));
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("countersignd: {error}");
            std::thread::sleep(restarts::failed(countersignd::state_folder().as_deref()));
            ExitCode::FAILURE
        }
    }
}

/// Brings the schema of a fleet's store up to date and says what was done.
fn migrate(url: countersign_config::PostgresUrl) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("countersignd: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(postgres::migrate(url)) {
        Ok(Migrated { from, to }) => {
            println!("the schema of the store is {to} (it was {from})");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("countersignd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does one thing, in the unit that systemd started for it.
fn alone(work: impl Future<Output = std::io::Result<()>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(work)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("countersignd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: countersignd::args::Args) -> Result<(), Box<dyn std::error::Error>> {
    confine::confine()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()?;
    let served = runtime.block_on(countersignd::run(args));
    runtime.shutdown_background();
    Ok(served?)
}
