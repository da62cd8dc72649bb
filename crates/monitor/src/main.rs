//! `cove-monitor`: the process that holds a container: terminal, pipes, logs, exit code.
//!
//! One single-threaded process for each container or exec session; it outlives the engine. The contract is in
//! [`cove_monitor::protocol`].

mod attach;
mod check;
mod drain;
mod health;
mod health_event;
mod host;
mod journal;
mod log;
mod notify;
mod oom;
mod pause;
mod runtime;
mod setup;
mod streams;
mod supervise;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        None => match setup::main() {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                // Standard error is the engine's until the monitor has detached; the engine also gets the message
                // on the supervision socket.
                eprintln!("cove-monitor: {message}");
                ExitCode::FAILURE
            }
        },
        Some(argument) if argument == "pause" => told(pause::main()),
        Some(argument) if argument == "drain" => told(drain::main()),
        Some(argument) if argument == "--version" => {
            println!("cove-monitor {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some(_) => {
            eprintln!("cove-monitor is started by cove, with its configuration on standard input");
            ExitCode::FAILURE
        }
    }
}

fn told(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cove-monitor: {error}");
            ExitCode::FAILURE
        }
    }
}
