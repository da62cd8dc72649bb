//! Commands about one container, against crun and Podman.

use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::measure::{Figure, Row, Scale, Times, in_turn, once};
use super::sandbox::{IMAGE, Stores, cove, need};
use crate::shell;

/// `cove version`: the start of the program.
pub(crate) fn version(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let [ours, theirs] = in_turn(
        scale.of(20),
        [&|| once(Command::new(cove()).arg("version")).map(drop), &|| {
            once(Command::new("podman").arg("version")).map(drop)
        }],
    )?;
    let figure = Figure::at_most(ours.median, 15.0, "ms");
    rows.push(Row::alone("version", figure).beside("podman version", theirs.median));
    Ok(())
}

/// `cove run --rm IMAGE true`, warm.
pub(crate) fn run(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    need("crun")?;
    let stores = Stores::new("run", true)?;
    let bundle = make_bundle(&stores, &["true"])?;
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
        crun(&bundle, &["create", BARE])?;
        crun(&bundle, &["start", BARE])?;
        crun(&bundle, &["delete", "--force", BARE])
    };
    let [ours_none, bare, theirs_none] = in_turn(scale.of(20), [&ours("none"), &bare, &theirs("none")])?;
    let row = |name, ours, peer, theirs, goal| Row::new(name, ours, peer, theirs, Some(goal));
    rows.push(row("run --rm --network none", ours_none, "crun create+start+delete", bare, 2.0));
    rows.push(row("run --rm --network none", ours_none, "podman", theirs_none, 0.3));
    let [ours_bridge, theirs_bridge] = in_turn(scale.of(15), [&ours("bridge"), &theirs("bridge")])?;
    rows.push(row("run --rm (bridge)", ours_bridge, "podman", theirs_bridge, 0.2));
    Ok(())
}

/// `exec CONTAINER true`.
pub(crate) fn exec(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    need("crun")?;
    let stores = Stores::new("exec", true)?;
    let sleep = ["sleep", "1000"];
    for mut engine in [stores.cove(), stores.podman()] {
        engine.args(["run", "-d", "--cgroups=disabled", "--network", "none", "--name", "c", IMAGE]);
        once(engine.args(sleep))?;
    }
    let bundle = make_bundle(&stores, &sleep)?;
    crun(&bundle, &["run", "--detach", BARE])?;
    let result = in_turn(
        scale.of(30),
        [
            &|| once(stores.cove().args(["exec", "c", "true"])).map(drop),
            &|| crun(&bundle, &["exec", BARE, "true"]),
            &|| once(stores.podman().args(["exec", "c", "true"])).map(drop),
        ],
    );
    crun(&bundle, &["delete", "--force", BARE])?;
    let [ours, bare, theirs] = result?;
    rows.push(Row::new("exec true", ours, "crun exec", bare, Some(1.6)));
    rows.push(Row::new("exec true", ours, "podman", theirs, None));
    Ok(())
}

/// How long `stop` goes on after a process that obeys has ended.
pub(crate) fn stop(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let stores = Stores::new("stop", true)?;
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..scale.of(20) {
        let engines: [&dyn Fn() -> Command; 2] = [&|| stores.cove(), &|| stores.podman()];
        for (engine, times) in engines.iter().zip(&mut times) {
            times.push(after_its_end(engine)?);
        }
    }
    let [ours, theirs] = times.map(|times| Times::of(&times));
    let figure = Figure::at_most(ours.median, 20.0, "ms");
    rows.push(Row::alone("stop, after the process has ended", figure).beside("podman", theirs.median));
    Ok(())
}

/// Milliseconds between the end of a container's process and that of the command that stops it.
fn after_its_end(engine: &dyn Fn() -> Command) -> Result<f64> {
    let script = "trap 'exit 0' TERM; sleep 1000 & wait";
    let options = ["run", "-d", "--cgroups=disabled", "--network", "none", "--name", "c", IMAGE];
    once(engine().args(options).args(["sh", "-c", script]))?;
    let pid = shell::output(engine().args(["inspect", "--format", "{{.State.Pid}}", "c"]))?;
    let end = when_ended(pid.trim().parse().with_context(|| format!("the container's process: {pid:?}"))?)?;
    // The shell must have come to its trap.
    std::thread::sleep(Duration::from_millis(300));
    once(engine().args(["stop", "c"]))?;
    let now = Instant::now();
    let ended = end.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
    once(engine().args(["rm", "c"]))?;
    Ok(now.saturating_duration_since(ended).as_secs_f64() * 1000.0)
}

/// Looks out for the end of a process.
fn when_ended(pid: i32) -> Result<JoinHandle<Result<Instant>>> {
    // SAFETY: the call takes two numbers and answers a descriptor that is new.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error()).context("pidfd_open");
    }
    // SAFETY: it is new and nobody else's.
    let descriptor = unsafe { OwnedFd::from_raw_fd(i32::try_from(descriptor)?) };
    Ok(std::thread::spawn(move || {
        let mut poll = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: it is one entry, which lives as long as the call.
        let ready = unsafe { libc::poll(&raw mut poll, 1, 60_000) };
        if ready != 1 {
            bail!("the process did not end");
        }
        Ok(Instant::now())
    }))
}

/// The container that crun runs alone.
const BARE: &str = "cove-bench";

fn crun(bundle: &Path, arguments: &[&str]) -> Result<()> {
    once(Command::new("crun").arg("--cgroup-manager=disabled").args(arguments).current_dir(bundle)).map(drop)
}

/// A bundle of the same image whose process is `words`.
fn make_bundle(stores: &Stores, words: &[&str]) -> Result<PathBuf> {
    let bundle = stores.path("bundle");
    let rootfs = bundle.join("rootfs");
    std::fs::create_dir_all(&rootfs)?;
    let archive = crate::demo::root_file_system()?;
    shell::run(Command::new("tar").arg("-C").arg(&rootfs).arg("-xf").arg(archive))?;
    once(Command::new("crun").arg("spec").current_dir(&bundle))?;
    let path = bundle.join("config.json");
    let mut spec: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    spec["process"]["terminal"] = false.into();
    spec["process"]["args"] = words.into();
    if let Some(process) = spec["process"].as_object_mut() {
        // Raising limits needs a right that this process may not have.
        process.remove("rlimits");
    }
    std::fs::write(&path, spec.to_string())?;
    Ok(bundle)
}
