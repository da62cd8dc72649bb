//! `cargo xtask test starts`: fresh machines, one after the other, until one does not come up. A start that fails once in
//! ten is not seen by a test that starts one.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// How many starts, where `COVE_STARTS` does not say.
const STARTS: usize = 50;
/// So many of them have every processor busy with something else.
const BUSY: usize = 2;

/// Makes, starts and removes machines, all to the end, and fails where one did not come up.
pub(crate) fn run() -> Result<()> {
    let count = match std::env::var("COVE_STARTS") {
        Ok(text) => text.parse().with_context(|| format!("COVE_STARTS={text:?} is no number"))?,
        Err(_) => STARTS,
    };
    // Short, because the sockets in it have at most 107 bytes.
    let home = std::path::PathBuf::from(format!("/tmp/cove-starts-{}", std::process::id()));
    std::fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
    let mut times = Vec::new();
    let mut failures = Vec::new();
    for number in 1..=count {
        let busy = number <= BUSY;
        match occupied(busy, || one(&home, number)) {
            Ok(seconds) => {
                eprintln!("start {number}: {seconds:.1} s{}", if busy { ", processors busy" } else { "" });
                times.push(seconds);
            }
            Err(error) => {
                eprintln!("start {number}: {error:#}");
                failures.push(number);
            }
        }
    }
    let _ = std::fs::remove_dir_all(&home);
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
    let slowest = times.last().copied().unwrap_or(f64::NAN);
    println!("{} of {count} machines came up; median {middle:.1} s, slowest {slowest:.1} s", times.len());
    if !failures.is_empty() {
        bail!("these did not come up: {failures:?}");
    }
    Ok(())
}

/// The seconds that one machine's start took; it is gone afterwards.
fn one(home: &Path, number: usize) -> Result<f64> {
    let program = shell::given_programs().unwrap_or_else(|| shell::target().join("debug")).join("cove");
    let name = format!("starts-{}-{number}", std::process::id());
    let cove = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).arg(&name).env("HOME", home);
        for variable in ["XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
            command.env(variable, home);
        }
        shell::output(&mut command)
    };
    let image = crate::vm_image::native().display().to_string();
    let result = cove(&["machine", "init", "--image", &image]).and_then(|_| {
        let started = Instant::now();
        cove(&["machine", "start"])?;
        Ok(started.elapsed().as_secs_f64())
    });
    cove(&["machine", "rm", "-f"])?;
    result
}

/// Does `work` while, if wanted, every processor is busy.
fn occupied<T>(wanted: bool, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(!wanted);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}
