//! The window's three commands.

use std::process::{Command, Stdio};

use cove_desktop::{Batch, Call, Desktop, Failure, Reply, check_port_url};
use tauri::State;
use tauri::ipc::Channel;

/// Passes a call on.
#[tauri::command]
pub(crate) async fn rpc(desktop: State<'_, Desktop>, call: Call) -> Result<Reply, Failure> {
    desktop.call(call).await
}

/// Sends events for as long as the page is there.
#[tauri::command]
pub(crate) async fn subscribe(desktop: State<'_, Desktop>, channel: Channel<Batch>) -> Result<(), Failure> {
    // There is one page; what an earlier one had opened is nobody's now.
    desktop.close_all();
    let mut batches = desktop.subscribe();
    tauri::async_runtime::spawn(async move {
        while let Some(batch) = batches.recv().await {
            if channel.send(batch).is_err() {
                break;
            }
        }
    });
    Ok(())
}

/// Opens a published port in the user's browser.
#[tauri::command]
pub(crate) fn open_link(url: &str) -> Result<(), Failure> {
    check_port_url(url)?;
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let mut child = Command::new(program)
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Failure::unavailable(format!("{program}: {error}")))?;
    // It ends when the browser has taken the address over.
    std::thread::spawn(move || child.wait());
    Ok(())
}
