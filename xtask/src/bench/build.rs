//! Building images: again without a change, from the start, of many files, and two stages at once.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::measure::{Figure, Row, Run, Scale, Times, in_turn, once};
use super::sandbox::{IMAGE, Stores, need};

/// Steps of the build file.
const STEPS: usize = 20;
/// Size of the context, in MiB.
const CONTEXT_MIB: usize = 200;
/// Files that the context is cut into.
const PARTS: usize = 20;
/// Files of the large context.
const MANY: usize = 50_000;
/// Files in a folder of it.
const IN_FOLDER: usize = 500;
/// Builds that are counted.
const RUNS: usize = 5;
/// Seconds that each of two branches takes.
const BRANCH: u32 = 3;
/// Most memory that a build may take, in MiB.
const MEMORY: f64 = 200.0;

/// `cove build` against Buildah's builder, as podman has it.
pub(crate) fn build(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let stores = Stores::new("build", true)?;
    let context = stores.path("context");
    let mib = scale.of(CONTEXT_MIB);
    make_context(&context, mib)?;
    let cove = |more: &[&str]| built(stores.cove(), &context, more).map(|run| run.memory);
    let podman = |more: &[&str]| built(stores.podman(), &context, more).map(drop);
    let mut memory: f64 = 0.0;
    for _ in 0..scale.of(RUNS).min(2) {
        memory = memory.max(cove(&["--no-cache"])?);
    }
    let runs = scale.of(RUNS);
    let none: &[&str] = &["--no-cache"];
    let [ours, theirs] = in_turn(runs, [&|| cove(none).map(drop), &|| podman(none)])?;
    let name = format!("build, {STEPS} steps and {mib} MiB, from the start");
    let verdict = if memory <= MEMORY { "met" } else { "missed" };
    let note = format!("memory {memory:.0} MiB (up to {MEMORY:.0}: {verdict})");
    rows.push(Row::new(&name, ours, "podman build", theirs, Some(0.8)).with_note(&note));
    let [ours, theirs] = in_turn(runs, [&|| cove(&[]).map(drop), &|| podman(&[])])?;
    let name = format!("build, {STEPS} steps and {mib} MiB, unchanged");
    rows.push(Row::new(&name, ours, "podman build", theirs, Some(0.2)));
    many_files(&stores, scale, rows)?;
    branches(&stores, rows)
}

fn built(mut command: Command, context: &Path, more: &[&str]) -> Result<Run> {
    once(
        command.args(["build", "-q", "--layers", "--network", "host", "-t", "built"]).args(more).arg(context),
    )
}

/// A context of that size, and a build file whose steps copy and run in turn.
fn make_context(folder: &Path, mib: usize) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut text = format!("FROM {IMAGE}\n");
    // No two parts are the same, and none can be packed.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for part in 0..PARTS {
        let mut data = Vec::with_capacity((mib << 20) / PARTS + 8);
        while data.len() < (mib << 20) / PARTS {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            data.extend_from_slice(&state.to_le_bytes());
        }
        std::fs::write(folder.join(format!("part{part}")), data)?;
    }
    for step in 0..STEPS / 2 {
        let (one, other) = (2 * step, 2 * step + 1);
        writeln!(text, "COPY part{one} part{other} /files{step}/\nRUN echo {step} > /made{step}")?;
    }
    std::fs::write(folder.join("Containerfile"), text)?;
    Ok(())
}

/// A context of many files, again without a change and after a change of one.
fn many_files(stores: &Stores, scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    let context = stores.path("many");
    let count = scale.of(MANY);
    for number in 0..count {
        let folder = context.join(format!("{}", number / IN_FOLDER));
        if number % IN_FOLDER == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        std::fs::write(folder.join(format!("{number}")), format!("{number}\n"))?;
    }
    std::fs::write(context.join("Containerfile"), "FROM scratch\nCOPY . /all\n")?;
    let again = || built(stores.cove(), &context, &[]).map(|run| run.wall);
    again()?;
    let unchanged = (0..scale.of(RUNS)).map(|_| again()).collect::<Result<Vec<f64>>>()?;
    let name = format!("build of {count} files, unchanged");
    rows.push(Row::alone(&name, Figure::at_most(Times::of(&unchanged).median, 1500.0, "ms")));
    let changed = (0..scale.of(RUNS)).map(|run| {
        std::fs::write(context.join("0").join("0"), format!("changed {run}\n"))?;
        again()
    });
    let changed = changed.collect::<Result<Vec<f64>>>()?;
    let name = format!("build of {count} files, one changed");
    rows.push(Row::alone(&name, Figure::reported(Times::of(&changed).median, "ms")));
    Ok(())
}

/// Two stages that do not need each other take as long as one.
fn branches(stores: &Stores, rows: &mut Vec<Row>) -> Result<()> {
    let context = stores.path("branches");
    std::fs::create_dir_all(&context)?;
    let stage = |name: &str| format!("FROM {IMAGE} AS {name}\nRUN sleep {BRANCH}; echo {name} > /{name}\n");
    let text = format!("{}{}FROM {IMAGE}\nCOPY --from=a /a /\nCOPY --from=b /b /\n", stage("a"), stage("b"));
    std::fs::write(context.join("Containerfile"), text)?;
    let wall = built(stores.cove(), &context, &["--no-cache", "--jobs", "2"])?.wall;
    let limit = f64::from(BRANCH) * 1500.0;
    rows.push(Row::alone(&format!("build, two stages of {BRANCH} s"), Figure::at_most(wall, limit, "ms")));
    Ok(())
}
