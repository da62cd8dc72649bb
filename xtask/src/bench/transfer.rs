//! Images on their way to registries: from another one, and from the store where the registry has the layers.

use std::process::Command;

use anyhow::Result;

use super::measure::{Row, Scale, Times, once};
use super::pull::{LAYER_MIB, LAYERS, RUNS, fill, make_image, start_registry};
use super::sandbox::{Stores, need};

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// `cove image copy` from registry to registry against skopeo.
pub(crate) fn between_registries(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    for program in ["skopeo", "docker-registry", "gzip"] {
        need(program)?;
    }
    let stores = Stores::new("transfer", false)?;
    let layout = stores.path("layout");
    make_image(&layout, scale.of(LAYER_MIB))?;
    let from = free_port()?;
    let _registry = start_registry(&stores, from)?;
    let image = format!("127.0.0.1:{from}/bench:latest");
    fill(&format!("dir:{}", layout.display()), &image)?;
    let flags = ["--src-tls-verify=false", "--dest-tls-verify=false", "-q"];
    let source = format!("docker://{image}");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut memory: f64 = 0.0;
    for _ in 0..scale.of(RUNS) {
        // A registry that neither knows: Skopeo remembers where layers are, and would copy none.
        let to = [free_port()?, free_port()?];
        let _registries = [start_registry(&stores, to[0])?, start_registry(&stores, to[1])?];
        let [our_place, their_place] = to.map(|port| format!("docker://127.0.0.1:{port}/bench:latest"));
        let mut cove = stores.cove();
        let measured = once(cove.args(["image", "copy"]).args(flags).args([&source, &our_place]))?;
        memory = memory.max(measured.memory);
        ours.push(measured.wall);
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy"]).args(flags).args([&source, &their_place]);
        theirs.push(once(&mut skopeo)?.wall);
    }
    let [ours, theirs] = [ours, theirs].map(|times| Times::of(&times));
    let name = format!("registry to registry, {} MiB", LAYERS * scale.of(LAYER_MIB));
    let verdict = if memory < 100.0 { "met" } else { "missed" };
    let note = format!("memory {memory:.0} MiB (below 100: {verdict})");
    rows.push(Row::new(&name, ours, "skopeo", theirs, Some(1.0)).with_note(&note));
    Ok(())
}

/// `cove push` of what was pulled, to another repository of the registry that has its layers, against Podman.
pub(crate) fn push(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    for program in ["podman", "skopeo", "docker-registry", "gzip"] {
        need(program)?;
    }
    let stores = Stores::new("push", false)?;
    let layout = stores.path("layout");
    make_image(&layout, scale.of(LAYER_MIB))?;
    let port = free_port()?;
    let _registry = start_registry(&stores, port)?;
    let image = format!("127.0.0.1:{port}/bench:latest");
    fill(&format!("dir:{}", layout.display()), &image)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let flag = "--tls-verify=false";
    once(stores.cove().args(["pull", "-q", flag, &image]))?;
    once(stores.podman().args(["pull", "-q", flag, &image]))?;
    for run in 0..scale.of(RUNS) {
        let place = |whose: &str| format!("127.0.0.1:{port}/{whose}{run}:latest");
        ours.push(once(stores.cove().args(["push", "-q", flag, &image, &place("ours")]))?.wall);
        theirs.push(once(stores.podman().args(["push", "-q", flag, &image, &place("theirs")]))?.wall);
    }
    let [ours, theirs] = [ours, theirs].map(|times| Times::of(&times));
    let name = format!("push of {} MiB, unchanged", LAYERS * scale.of(LAYER_MIB));
    rows.push(Row::new(&name, ours, "podman", theirs, Some(0.4)));
    Ok(())
}
