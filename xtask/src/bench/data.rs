//! Files into, out of and with a container.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::measure::{Row, Scale, Times, once};
use super::pull::contents;
use super::sandbox::{IMAGE, Stores, need};

/// `cp` into a container and out of it, and `commit` of what was copied.
pub(crate) fn copy(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let size = scale.of(1024);
    let stores = Stores::new("copy", true)?;
    let tree = stores.path("tree");
    make_tree(&tree, size)?;
    let engines: [&dyn Fn() -> Command; 2] = [&|| stores.cove(), &|| stores.podman()];
    let mut times: [[Vec<f64>; 3]; 2] = Default::default();
    for engine in engines {
        once(engine().args(["create", "--name", "c", "--network", "none", IMAGE, "true"]))?;
    }
    for _ in 0..scale.of(3) {
        for (engine, [into, out, commit]) in engines.iter().zip(&mut times) {
            let back = stores.path("back");
            into.push(settled(engine().arg("cp").arg(&tree).arg("c:/"))?);
            out.push(settled(engine().args(["cp", "c:/tree"]).arg(&back))?);
            std::fs::remove_dir_all(&back)?;
            commit.push(settled(engine().args(["commit", "-q", "c", "localhost/copy"]))?);
            once(engine().args(["rmi", "localhost/copy"]))?;
        }
    }
    let [ours, theirs] = times;
    for ((name, ours), theirs) in ["cp into", "cp out of", "commit of"].iter().zip(ours).zip(theirs) {
        let (ours, theirs) = (Times::of(&ours), Times::of(&theirs));
        rows.push(Row::new(&format!("{name} a container, {size} MiB"), ours, "podman", theirs, Some(0.6)));
    }
    Ok(())
}

/// The wall time of a command that does not pay for what the one before left to be written.
fn settled(command: &mut Command) -> Result<f64> {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::sync() };
    Ok(once(command)?.wall)
}

/// Files of a mebibyte that compress about as programs do.
fn make_tree(tree: &Path, size: usize) -> Result<()> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for number in 0..size {
        let folder = tree.join(format!("folder{}", number / 64));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("file{number}")), contents(&mut state))?;
    }
    Ok(())
}
