//! Many containers at once.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::measure::{Figure, Row, Scale, Times, all_at_once, in_turn, once};
use super::sandbox::{IMAGE, Stores, need};
use crate::shell;

/// Containers started at once, each by a command of its own, then all removed.
pub(crate) fn start(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let count = scale.of(100);
    let stores = Stores::new("start", true)?;
    let names: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
    let round = |engine: &dyn Fn() -> Command| {
        let start = |name: &String| {
            let mut command = engine();
            // Without control groups, because Podman cannot make any everywhere.
            command.args(["run", "-d", "--cgroups=disabled", "--name", name, IMAGE, "sleep", "1000"]);
            command
        };
        all_at_once(names.iter().map(start))?;
        once(engine().args(["rm", "-f", "-a", "-t", "0"])).map(drop)
    };
    let [ours, theirs] =
        in_turn(scale.of(3), [&|| round(&|| stores.cove()), &|| round(&|| stores.podman())])?;
    rows.push(Row::new(&format!("start {count} at once, rm -f -a"), ours, "podman", theirs, Some(0.3)));
    Ok(())
}

/// `ps -a`.
pub(crate) fn ps(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let count = scale.of(1000);
    let stores = Stores::new("ps", true)?;
    for number in 0..count {
        let name = format!("c{number}");
        let create = ["create", "--network", "none", "--name", &name, IMAGE, "true"];
        once(stores.cove().args(create))?;
        once(stores.podman().args(create))?;
    }
    let [ours, theirs] = in_turn(
        scale.of(10),
        [&|| once(stores.cove().args(["ps", "-a"])).map(drop), &|| {
            once(stores.podman().args(["ps", "-a"])).map(drop)
        }],
    )?;
    rows.push(Row::new(&format!("ps -a with {count} containers"), ours, "podman", theirs, Some(0.15)));
    Ok(())
}

/// Whether the last of thousands costs what the first did.
pub(crate) fn linear(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    let count = scale.of(3000);
    let stores = Stores::new("linear", true)?;
    for (what, words) in [
        ("containers", &["create", "--network", "none", IMAGE, "true"][..]),
        ("volumes", &["volume", "create"]),
        ("networks", &["network", "create"]),
    ] {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            times.push(once(stores.cove().args(words))?.wall);
        }
        let tenth = (count / 10).max(1);
        let (first, last) = (Times::of(&times[..tenth]), Times::of(&times[count - tenth..]));
        let figure = Figure::at_most(last.median / first.median, 2.0, "x");
        let note = format!("{:.1} ms, then {:.1} ms", first.median, last.median);
        rows.push(
            Row::alone(&format!("one more of {count} {what}, beside the first"), figure).with_note(&note),
        );
    }
    for words in [&["rm", "-a"][..], &["volume", "prune", "-f", "--all"], &["network", "prune", "-f"]] {
        once(stores.cove().args(words))?;
    }
    Ok(())
}

/// `images`.
pub(crate) fn images(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let count = scale.of(1000);
    let stores = Stores::new("images", false)?;
    let archive = stores.path("small.tar");
    // The end of an archive with nothing in it: layers are not what is measured.
    std::fs::write(&archive, [0; 1024])?;
    for number in 0..count {
        let (label, name) = (format!("LABEL number={number}"), format!("localhost/i{number}:1"));
        for mut engine in [stores.cove(), stores.podman()] {
            once(engine.args(["import", "-q", "--change", &label]).arg(&archive).arg(&name))?;
        }
    }
    let [ours, theirs] = in_turn(
        scale.of(10),
        [&|| once(stores.cove().arg("images")).map(drop), &|| once(stores.podman().arg("images")).map(drop)],
    )?;
    rows.push(Row::new(&format!("images with {count} of them"), ours, "podman", theirs, Some(0.3)));
    Ok(())
}

/// `stats --no-stream`.
pub(crate) fn stats(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    let count = scale.of(200);
    let stores = Stores::new("stats", true)?;
    run_many(&|| stores.cove(), count, &[])?;
    let [ours] = in_turn(scale.of(20), [&|| once(stores.cove().args(["stats", "--no-stream"])).map(drop)])?;
    rows.push(Row::alone(
        &format!("stats --no-stream of {count}"),
        Figure::at_most(ours.median, 100.0, "ms"),
    ));
    Ok(())
}

/// What an engine keeps in memory for each container beside the container's own process.
pub(crate) fn memory(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    need("podman")?;
    let count = scale.of(20);
    let stores = Stores::new("memory", true)?;
    let of = |engine: &dyn Fn() -> Command| -> Result<f64> {
        run_many(engine, count, &["--cgroups=disabled"])?;
        let pids = monitors(engine)?;
        if pids.len() != count {
            bail!("{} of {count} containers have a monitor", pids.len());
        }
        let sizes = pids.iter().map(|pid| proportional_size(*pid)).collect::<Result<Vec<f64>>>()?;
        #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
        let mean = sizes.iter().sum::<f64>() / count as f64;
        once(engine().args(["rm", "-f", "-a", "-t", "0"]))?;
        Ok(mean)
    };
    let (ours, theirs) = (of(&|| stores.cove())?, of(&|| stores.podman())?);
    let figure = Figure::at_most(ours, 1.5, "MB");
    rows.push(Row::alone("memory beside a container's process", figure).beside("conmon", theirs));
    Ok(())
}

/// What checks once a second take of one core, beyond the checks' own processes.
pub(crate) fn health(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    let count = scale.of(50);
    let stores = Stores::new("health", true)?;
    let checks = ["--health-cmd", "true", "--health-interval", "1s"];
    run_many(&|| stores.cove(), count, &checks)?;
    let pids = monitors(&|| stores.cove())?;
    if pids.len() != count {
        bail!("{} of {count} containers have a monitor", pids.len());
    }
    // The first ones come together; after some seconds all are under way.
    std::thread::sleep(Duration::from_secs(3));
    let before = processor_time(&pids)?;
    let begin = Instant::now();
    std::thread::sleep(Duration::from_secs(10));
    let (after, seconds) = (processor_time(&pids)?, begin.elapsed().as_secs_f64());
    let share = |from: f64, to: f64| (to - from) / seconds * 100.0;
    let (own, children) = (share(before.own, after.own), share(before.children, after.children));
    let figure = Figure::at_most(own, 2.0, "%");
    let note = format!("the OCI runtime and the checks: {children:.1} %");
    rows.push(Row::alone(&format!("{count} health checks a second, of one core"), figure).with_note(&note));
    Ok(())
}

/// Starts containers that sleep.
fn run_many(engine: &dyn Fn() -> Command, count: usize, options: &[&str]) -> Result<()> {
    for _ in 0..count {
        let mut command = engine();
        command.args(["run", "-d", "--network", "none"]).args(options).args([IMAGE, "sleep", "1000"]);
        once(&mut command)?;
    }
    Ok(())
}

/// The process that watches each container.
fn monitors(engine: &dyn Fn() -> Command) -> Result<Vec<u32>> {
    let ids = shell::output(engine().args(["ps", "-q"]))?;
    let format = "{{.State.ConmonPid}}";
    let pids = shell::output(engine().args(["inspect", "--format", format]).args(ids.split_whitespace()))?;
    pids.split_whitespace().map(|pid| pid.parse().with_context(|| format!("monitor {pid:?}"))).collect()
}

/// A process' share of the memory it is in, in megabytes.
fn proportional_size(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let fields: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let kib = fields.get("Pss").and_then(|value| value.trim().strip_suffix(" kB")).context(path)?;
    Ok(kib.trim().parse::<f64>()? * 1024.0 / 1e6)
}

/// Processor time of some processes, in seconds.
struct ProcessorTime {
    own: f64,
    /// Of those that they have waited for.
    children: f64,
}

fn processor_time(pids: &[u32]) -> Result<ProcessorTime> {
    // SAFETY: it reads a constant of the system.
    #[allow(clippy::cast_precision_loss, reason = "100 everywhere")]
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    let mut sum = ProcessorTime { own: 0.0, children: 0.0 };
    for pid in pids {
        let path = format!("/proc/{pid}/stat");
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        // The name, in brackets, may have blanks in it; utime is the 14th field.
        let (_, rest) = text.rsplit_once(')').context(path)?;
        let times = rest.split_whitespace().skip(11).take(4).map(str::parse::<f64>);
        let times = times.collect::<Result<Vec<_>, _>>()?;
        if let [user, system, children_user, children_system] = times[..] {
            sum.own += (user + system) / ticks;
            sum.children += (children_user + children_system) / ticks;
        }
    }
    Ok(sum)
}
