//! What is tried on each machine.

use std::process::Command;

use anyhow::{Result, bail};

use super::distribution::{ALL, Distribution};
use super::machine::Machine;
use crate::shell;
use crate::skipped::Skipped;

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Set-up, group by group.
    SetUp,
    /// The README's first command.
    Demo,
    /// Both of the README's commands.
    Readme,
}

/// Tries it on every distribution that can be had, or on those that `COVE_FRESH` names.
pub(crate) fn run(skipped: &Skipped, extent: Extent) -> Result<()> {
    if !shell::is_root() {
        return skipped.skip("root", "fresh", "making a fresh root needs root");
    }
    let dirty = shell::output(shell::command("git").args(["status", "--porcelain"]))?;
    if !dirty.is_empty() {
        eprintln!("fresh: what is not committed is not tested:\n{dirty}");
    }
    let mut failed = Vec::new();
    for distribution in wanted()? {
        let root = match shell::step(distribution.name, || distribution.make()) {
            Ok(root) => root,
            Err(error) => {
                skipped.skip(
                    "fresh",
                    distribution.name,
                    &format!("no root of it could be made: {error:#}"),
                )?;
                continue;
            }
        };
        let result = Machine::new(root.clone(), distribution.user).and_then(|machine| {
            shell::step(&format!("{extent:?} on {}", distribution.name), || try_out(&machine, extent))
        });
        match result {
            Ok(()) => remove(&root)?,
            Err(error) => {
                eprintln!("fresh: {error:#}\nfresh: its root is kept: {}", root.display());
                failed.push(distribution.name);
            }
        }
    }
    let why = "no root of it can be made from Debian's programs; what dnf prints is read in a unit test";
    skipped.skip("fresh", "fedora", why)?;
    if !failed.is_empty() {
        bail!("{extent:?} failed on {}", failed.join(", "));
    }
    Ok(())
}

/// Those that the user named, else all.
fn wanted() -> Result<Vec<&'static Distribution>> {
    let Ok(names) = std::env::var("COVE_FRESH") else { return Ok(ALL.iter().collect()) };
    let find = |name| {
        let found = ALL.iter().find(|known| known.name == name);
        found.ok_or_else(|| {
            let all: Vec<&str> = ALL.iter().map(|known| known.name).collect();
            anyhow::anyhow!("COVE_FRESH: unknown distribution {name:?}; there are {}", all.join(", "))
        })
    };
    names.split(',').map(find).collect()
}

fn try_out(machine: &Machine, extent: Extent) -> Result<()> {
    let xtask = |arguments: &[&str]| shell::run(machine.command(&["cargo", "xtask"]).args(arguments));
    match extent {
        Extent::SetUp => {
            if xtask(&["setup", "--check"]).is_ok() {
                bail!("a fresh machine lacks nothing, which cannot be");
            }
            // Group by group, as `demo` and `test` ask for them, then again for all: nothing may be missing then.
            for group in ["build", "engine", "machine", "desktop", "test"] {
                xtask(&["setup", group])?;
            }
            xtask(&["setup", "--check"])
        }
        Extent::Demo => xtask(&["demo"]),
        Extent::Readme => {
            xtask(&["demo"])?;
            xtask(&["test"])
        }
    }
}

fn remove(root: &std::path::Path) -> Result<()> {
    shell::run(Command::new("rm").args(["-rf", "--one-file-system"]).arg(root))
}
