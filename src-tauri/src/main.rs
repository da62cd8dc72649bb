//! The desktop window: a web view over [`cove_desktop`]. Everything it can do is in that crate.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod arguments;
mod commands;

use std::process::ExitCode;
use std::sync::Arc;

use cove_desktop::{Desktop, DesktopOptions, Environment, Host, HostOptions};
use tauri::{Manager as _, RunEvent};

use crate::arguments::Arguments;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("Error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let Arguments { url, engine } = arguments::parse(std::env::args_os().skip(1))?;
    let host = Arc::new(
        Host::new(HostOptions {
            environment: Environment::new(std::env::vars_os()),
            executable: std::env::current_exe().map_err(|error| error.to_string())?,
            url,
            arguments: engine,
        })
        .map_err(|error| error.to_string())?,
    );
    let options = DesktopOptions {
        source: Arc::clone(&host) as _,
        #[cfg(unix)]
        machines: host.machines(),
    };
    // Its background work belongs to the runtime that serves the commands, too.
    let desktop = tauri::async_runtime::block_on(async { Desktop::start(options) });
    #[allow(
        clippy::disallowed_methods,
        reason = "Tauri's macro holds an exit of its own, for mobile systems"
    )]
    let app = tauri::Builder::default()
        .manage(desktop)
        .invoke_handler(tauri::generate_handler![commands::rpc, commands::subscribe, commands::open_link])
        .build(tauri::generate_context!())
        .map_err(|error| format!("open the window: {error}"))?;
    app.run(move |app, event| {
        if let RunEvent::Exit = event {
            tauri::async_runtime::block_on(async {
                app.state::<Desktop>().end().await;
                host.stop().await;
            });
        }
    });
    Ok(())
}
