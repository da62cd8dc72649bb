//! The screen in a browser, over this host's engine: `cargo run -p cove-desktop --example web -- \
//! ui/dist [cove's global options]`. Prints the address; ends with Ctrl+C.

use std::sync::Arc;

use cove_desktop::web::{WebOptions, serve};
use cove_desktop::{Desktop, DesktopOptions, Environment, Host, HostOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let assets = arguments.next().ok_or("the folder of the built user interface is needed")?.into();
    let host = Arc::new(Host::new(HostOptions {
        environment: Environment::new(std::env::vars_os()),
        executable: std::env::current_exe()?,
        url: None,
        arguments: arguments.collect(),
    })?);
    let options = DesktopOptions {
        source: Arc::clone(&host) as _,
        #[cfg(unix)]
        machines: host.machines(),
    };
    let desktop = Arc::new(Desktop::start(options));
    let options = WebOptions { listen: "127.0.0.1:0".parse()?, assets };
    let stopped = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(desktop, options, |address| println!("{address}"), stopped).await?;
    host.stop().await;
    Ok(())
}
