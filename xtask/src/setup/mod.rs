//! `cargo xtask setup`: finds what is missing and installs it with the system's package tool.

mod apt;
mod dnf;
mod needs;

use std::io::{IsTerminal as _, Write as _};
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;
pub(crate) use needs::BROWSERS;
use needs::{GROUPS, NEEDS, Need};

/// Whether packages may be taken away for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removals {
    /// Ask on a terminal, else refuse.
    Ask,
    /// `--remove`.
    Allowed,
}

/// What an installation would do to what is there, beyond adding to it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Effect {
    /// Packages that would go.
    removed: Vec<String>,
    /// Packages that would get an older version.
    downgraded: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut check = false;
    let mut removals = Removals::Ask;
    let mut groups: Vec<&str> = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "--check" => check = true,
            "--remove" => removals = Removals::Allowed,
            group if GROUPS.contains(&group) => groups.push(group),
            other => bail!("unknown argument {other:?}; groups are {}", GROUPS.join(", ")),
        }
    }
    if groups.is_empty() {
        groups = GROUPS.to_vec();
    }
    install(&groups, check, removals)
}

/// Installs what is missing of these groups, or only reports it.
pub(crate) fn ensure(groups: &[&str], check: bool) -> Result<()> {
    install(groups, check, Removals::Ask)
}

fn install(groups: &[&str], check: bool, removals: Removals) -> Result<()> {
    let missing = missing(groups);
    if missing.is_empty() {
        eprintln!("setup: nothing is missing for {}", groups.join(", "));
        return Ok(());
    }
    let apt = shell::has("apt-get");
    if !apt && !shell::has("dnf") {
        let names: Vec<&str> = missing.iter().map(|need| need.apt[0]).collect();
        bail!("neither apt-get nor dnf is here; install by hand: {}", names.join(" "));
    }
    eprintln!("setup: missing packages");
    for need in &missing {
        eprintln!("  {:24} {}", need.package(apt), need.why);
    }
    if check {
        let left = missing.iter().filter(|need| !(need.is_optional() && is_unknown(need, apt))).count();
        if left == 0 {
            eprintln!("setup: this system's sources have none of it, and only tests need it");
            return Ok(());
        }
        bail!("{left} things are missing");
    }
    if apt {
        administrator("apt-get").and_then(|mut command| shell::run(command.args(apt::UPDATE)))?;
    }
    // Twice, because an installation may take away what another group of ours needs.
    for _ in 0..2 {
        let wanted: Vec<&Need> =
            self::missing(groups).into_iter().filter(|need| !is_passed_over(need, apt)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        if apt { apt::install(&wanted, removals)? } else { dnf::install(&wanted, removals)? }
    }
    let left: Vec<&Need> = self::missing(groups)
        .into_iter()
        .filter(|need| !(need.is_optional() && is_unknown(need, apt)))
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    for need in &left {
        eprintln!("  {:24} {} ({})", need.package(apt), need.why, need.probe);
    }
    bail!("installed, yet {} things are still missing; see the lines above", left.len())
}

/// Whether the system has no package of it. dnf says so itself.
fn is_unknown(need: &Need, apt: bool) -> bool {
    apt && apt::spelling(need).is_none()
}

/// Whether it is done without, which is said.
fn is_passed_over(need: &Need, apt: bool) -> bool {
    let passed_over = need.is_optional() && is_unknown(need, apt);
    if passed_over {
        eprintln!(
            "setup: goes on without {}, which the sources do not have: {}",
            need.package(apt),
            need.why
        );
    }
    passed_over
}

fn missing(groups: &[&str]) -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| groups.contains(&need.group) && !need.probe.is_met()).collect()
}

/// Shows what would happen to what is there, and asks where something would go.
fn agree(effect: &Effect, removals: Removals) -> Result<()> {
    for line in &effect.downgraded {
        eprintln!("setup: gets an older version, so that all fits together: {line}");
    }
    if effect.removed.is_empty() {
        return Ok(());
    }
    eprintln!("setup: this would REMOVE: {}", effect.removed.join(" "));
    if removals == Removals::Allowed {
        return Ok(());
    }
    if std::io::stdin().is_terminal() {
        eprint!("setup: go on? [y/N] ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
    }
    bail!(
        "nothing was installed, because that would remove {}; `cargo xtask setup --remove` allows it",
        effect.removed.join(" ")
    )
}

/// The program with the rights to install.
fn administrator(program: &str) -> Result<Command> {
    if shell::is_root() {
        return Ok(shell::command(program));
    }
    if !shell::has("sudo") {
        bail!("installing packages needs root, and sudo is not here: run `cargo xtask setup` as root");
    }
    eprintln!("setup: installing packages needs sudo");
    let mut command = shell::command("sudo");
    command.arg(program);
    Ok(command)
}
