//! `cargo xtask bench`: how fast, as ratios to the peers in the same run.
//!
//! Two programs are measured in turn, A B A B …, and the ratio of their medians is what counts: absolute times depend
//! on the machine and what else it does.

mod containers;
mod machine;
mod measure;
mod pull;
mod sandbox;

use anyhow::{Result, bail};

use crate::{setup, shell};
use measure::{Row, print};

/// Adds its figures to the table.
type Measurement = fn(&mut Vec<Row>) -> Result<()>;

/// The measurements, by name.
const ALL: &[(&str, Measurement)] = &[
    ("version", containers::version),
    ("run", containers::run),
    ("ps", containers::ps),
    ("pull", pull::pull),
    ("machine", machine::start),
];

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    for argument in arguments {
        if !ALL.iter().any(|(name, _)| name == argument) {
            let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
            bail!("unknown measurement {argument:?}; there are {}", names.join(", "));
        }
    }
    if !shell::is_root() {
        bail!("the measurements need root, because the peers are measured with bridges and overlay mounts");
    }
    if !sandbox::is_inside() {
        setup::ensure(&["build", "engine", "machine", "test"], false)?;
        let programs = ["--bin", "cove", "--bin", "cove-monitor"];
        shell::run(shell::cargo().args(["build", "--release"]).args(shell::SELECTION).args(programs))?;
        sandbox::enter()?;
    }
    let mut rows = Vec::new();
    for (name, measure) in ALL {
        if arguments.is_empty() || arguments.iter().any(|argument| argument == name) {
            eprintln!("== {name}");
            if let Err(error) = measure(&mut rows) {
                eprintln!("skipped: {name}: {error:#}");
            }
        }
    }
    print(&rows)
}
