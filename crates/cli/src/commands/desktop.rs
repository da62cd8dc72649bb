//! `cove desktop`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_desktop::web::{WebOptions, serve};
use cove_desktop::{Desktop, DesktopOptions, Host, HostOptions};
use tokio::process::Command;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::connect::Destination;
use crate::context::Context;
use crate::terminal::interrupted;

/// The window's program, beside this one or in PATH.
const WINDOW: &str = if cfg!(windows) { "cove-desktop.exe" } else { "cove-desktop" };
/// Where the screen's files are, from the folder of this program.
const PLACES: [&str; 3] = ["ui", "../share/cove/ui", "../../ui/dist"];

/// Open the desktop: a window, or a page for a browser of this computer
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Serve it to a browser; each address that is printed lets one page in, as the user
    #[arg(long)]
    web: bool,
    /// Port on the loopback address; a free one where none is given
    #[arg(long, value_name = "PORT", requires = "web")]
    port: Option<u16>,
    /// Folder with the built screen
    #[arg(long, value_name = "DIR", requires = "web")]
    assets: Option<PathBuf>,
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let url = match &context.destination {
        Destination::Local => None,
        Destination::Remote(address) => {
            let files = [&address.tls_ca, &address.tls_cert, &address.tls_key];
            if files.iter().any(|file| !file.is_empty()) {
                return Err(CommandError::other(
                    "the desktop cannot use TLS yet: forward the service to a unix socket and name that with --url",
                ));
            }
            Some(address.uri.clone())
        }
        Destination::Missing(reason) => {
            tracing::debug!("no engine: {reason}");
            None
        }
    };
    if args.web { browser(context, args, url).await } else { window(context, url).await }
}

/// Opens the window and waits for its end.
async fn window(context: &Context, url: Option<String>) -> CommandResult {
    let folder = context.executable.parent().unwrap_or(Path::new("."));
    let beside = folder.join(WINDOW);
    let program = if beside.is_file() { beside } else { PathBuf::from(WINDOW) };
    let mut command = Command::new(&program);
    command.args(context.global.shared.to_arguments());
    if let Some(url) = url {
        command.arg("--url").arg(url);
    }
    let status = command.status().await.map_err(|error| {
        CommandError::other(format!(
            "start {}: {error}; `cove desktop --web` needs no window",
            program.display()
        ))
    })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Serves the page until it is interrupted.
async fn browser(context: &Context, args: Args, url: Option<String>) -> CommandResult {
    let assets = match args.assets {
        Some(folder) => folder,
        None => assets(&context.executable).ok_or_else(|| {
            CommandError::other(
                "the screen's files were not found beside this program: name their folder with --assets",
            )
        })?,
    };
    let host = Arc::new(Host::new(HostOptions {
        environment: context.environment.clone(),
        executable: context.executable.clone(),
        url,
        arguments: context.global.shared.to_arguments().into_iter().map(Into::into).collect(),
    })?);
    let desktop = Arc::new(Desktop::start(DesktopOptions {
        source: Arc::clone(&host) as _,
        #[cfg(unix)]
        machines: host.machines(),
    }));
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], args.port.unwrap_or(0)));
    let (sender, mut addresses) = tokio::sync::mpsc::unbounded_channel();
    let ready = move |address: &str| {
        // Whoever prints it may have ended.
        let _ = sender.send(address.to_owned());
    };
    let served = serve(Arc::clone(&desktop), WebOptions { listen, assets }, ready, std::future::pending());
    let printed = async {
        if let Some(first) = addresses.recv().await {
            context.printer.line(&first)?;
        }
        // Later ones may find nobody who reads; the pages that are open go on.
        while let Some(address) = addresses.recv().await {
            let _ = context.printer.line(&address);
        }
        Ok::<_, CommandError>(())
    };
    let result = tokio::select! {
        served = served => served.map_err(CommandError::from),
        printed = printed => printed,
        () = interrupted() => Ok(()),
    };
    desktop.end().await;
    host.stop().await;
    result.map(|()| 0)
}

/// The folder with the screen's files.
fn assets(executable: &Path) -> Option<PathBuf> {
    let folder = executable.parent()?;
    PLACES.iter().map(|place| folder.join(place)).find(|place| place.join("index.html").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_is_found_where_packages_put_it() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("bin/cove");
        assert_eq!(assets(&program), None);
        let place = root.path().join("share/cove/ui");
        cove_sys::fs::create_dir_all(&place).unwrap();
        cove_sys::fs::create_dir_all(root.path().join("bin")).unwrap();
        cove_sys::fs::write(place.join("index.html"), "").unwrap();
        assert_eq!(assets(&program).and_then(|found| found.canonicalize().ok()), place.canonicalize().ok());
    }
}
