//! Commands about containers, against crun and Podman.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::measure::{Row, in_turn, once};
use super::sandbox::{IMAGE, Stores, cove, need};
use crate::shell;

/// How many containers `ps` lists.
const CONTAINERS: usize = 500;

/// `cove version`: the start of the program.
pub(crate) fn version(rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let [ours, theirs] = in_turn(
        20,
        [&|| once(Command::new(cove()).arg("version")).map(drop), &|| {
            once(Command::new("podman").arg("version")).map(drop)
        }],
    )?;
    let note = if ours.median < 15.0 { "below 15 ms: met" } else { "below 15 ms: missed" };
    rows.push(Row::new("version", ours, "podman version", theirs, None).with_note(note));
    Ok(())
}

/// `cove run --rm IMAGE true`, warm.
pub(crate) fn run(rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    need("crun")?;
    let stores = Stores::new("run", true)?;
    let bundle = stores.path("bundle");
    make_bundle(&stores, &bundle)?;
    // Without control groups in all three, because Podman cannot make any everywhere.
    let arguments =
        |network: &'static str| ["run", "--rm", "--cgroups=disabled", "--network", network, IMAGE, "true"];
    let ours = |network: &'static str| {
        let stores = &stores;
        move || once(stores.cove().args(arguments(network))).map(drop)
    };
    let theirs = |network: &'static str| {
        let stores = &stores;
        move || once(stores.podman().args(arguments(network))).map(drop)
    };
    let bare = || {
        let crun = |arguments: &[&str]| {
            once(Command::new("crun").arg("--cgroup-manager=disabled").args(arguments).current_dir(&bundle))
                .map(drop)
        };
        crun(&["create", "cove-bench"])?;
        crun(&["start", "cove-bench"])?;
        crun(&["delete", "--force", "cove-bench"])
    };
    let [ours_none, crun, theirs_none] = in_turn(20, [&ours("none"), &bare, &theirs("none")])?;
    let row = |name, ours, peer, theirs, goal| Row::new(name, ours, peer, theirs, Some(goal));
    rows.push(row("run --rm --network none", ours_none, "crun create+start+delete", crun, 2.0));
    rows.push(row("run --rm --network none", ours_none, "podman", theirs_none, 0.3));
    let [ours_bridge, theirs_bridge] = in_turn(15, [&ours("bridge"), &theirs("bridge")])?;
    rows.push(row("run --rm (bridge)", ours_bridge, "podman", theirs_bridge, 0.2));
    Ok(())
}

fn make_bundle(stores: &Stores, bundle: &Path) -> Result<()> {
    let rootfs = bundle.join("rootfs");
    std::fs::create_dir_all(&rootfs)?;
    let archive = crate::demo::root_file_system()?;
    shell::run(Command::new("tar").arg("-C").arg(&rootfs).arg("-xf").arg(archive))?;
    once(Command::new("crun").arg("spec").current_dir(bundle))?;
    let path = bundle.join("config.json");
    let mut spec: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    spec["process"]["terminal"] = false.into();
    spec["process"]["args"] = serde_json::json!(["true"]);
    if let Some(process) = spec["process"].as_object_mut() {
        // Raising limits needs a right that this process may not have.
        process.remove("rlimits");
    }
    std::fs::write(stores.path("bundle/config.json"), spec.to_string())?;
    Ok(())
}

/// `cove ps -a` with many containers.
pub(crate) fn ps(rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let stores = Stores::new("ps", true)?;
    for number in 0..CONTAINERS {
        let name = format!("c{number}");
        let create = ["create", "--network", "none", "--name", &name, IMAGE, "true"];
        once(stores.cove().args(create))?;
        once(stores.podman().args(create))?;
    }
    let [ours, theirs] = in_turn(
        10,
        [&|| once(stores.cove().args(["ps", "-a"])).map(drop), &|| {
            once(stores.podman().args(["ps", "-a"])).map(drop)
        }],
    )?;
    rows.push(Row::new(&format!("ps -a with {CONTAINERS} containers"), ours, "podman", theirs, Some(0.5)));
    Ok(())
}
