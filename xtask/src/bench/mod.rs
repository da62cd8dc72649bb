//! `cargo xtask bench`: how fast, as ratios to the peers in the same run.
//!
//! Two programs are measured in turn, A B A B …, and the ratio of their medians is what counts: absolute times depend
//! on the machine and what else it does.

mod build;
mod containers;
mod crowd;
mod data;
mod machine;
mod measure;
mod pull;
mod sandbox;
mod transfer;

use anyhow::{Result, bail};

use crate::{setup, shell};
use measure::{Row, Scale, print, save};

/// Adds its figures to the table.
type Measurement = fn(Scale, &mut Vec<Row>) -> Result<()>;

/// The measurements, by name.
const ALL: &[(&str, Measurement)] = &[
    ("version", containers::version),
    ("run", containers::run),
    ("exec", containers::exec),
    ("stop", containers::stop),
    ("start", crowd::start),
    ("ps", crowd::ps),
    ("linear", crowd::linear),
    ("images", crowd::images),
    ("stats", crowd::stats),
    ("memory", crowd::memory),
    ("health", crowd::health),
    ("copy", data::copy),
    ("pull", pull::pull),
    ("transfer", transfer::between_registries),
    ("push", transfer::push),
    ("build", build::build),
    ("machine", machine::start),
];

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let is_small = |argument: &&String| argument.as_str() == "--small";
    let scale =
        if arguments.iter().any(|argument| is_small(&argument)) { Scale::Small } else { Scale::Whole };
    let named: Vec<&String> = arguments.iter().filter(|argument| !is_small(argument)).collect();
    for argument in &named {
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
        if shell::given_programs().is_none() {
            let programs = ["--bin", "cove", "--bin", "cove-monitor"];
            shell::run(shell::cargo().args(["build", "--release"]).args(shell::SELECTION).args(programs))?;
        }
        sandbox::enter()?;
    }
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for (name, measure) in ALL {
        if named.is_empty() || named.iter().any(|argument| argument == name) {
            eprintln!("== {name}");
            if let Err(error) = measure(scale, &mut rows) {
                eprintln!("bench: {name}: {error:#}");
                failed.push(*name);
            }
            // What was measured is not lost with what comes after it.
            save(&rows)?;
        }
    }
    print(&rows);
    println!("\nalso in {}", shell::target().join("bench.json").display());
    if !failed.is_empty() {
        bail!("not measured: {}", failed.join(", "));
    }
    Ok(())
}
