//! What a monitor costs over the bare OCI runtime; prints figures, run with `--nocapture --ignored`.

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::Fixture;

const ROUNDS: u32 = 40;

#[test]
#[ignore = "a measurement"]
fn overhead() {
    let Some(f) = Fixture::new("overhead") else { return };
    let launch = |id: &str| {
        let t0 = Instant::now();
        let l = f.launch(id, &["true"], false, false, Vec::new());
        let t1 = Instant::now();
        let started = l.start().unwrap();
        println!("ready {:?} started {:?}", t1 - t0, t1.elapsed());
        started.supervision.wait_exit().unwrap();
        let exited = Instant::now();
        started.supervision.wait_cleaned().unwrap();
        started.supervision.acknowledge().unwrap();
        exited
    };
    launch("warm");
    let bundle = f.dir.join("bundle/warm");
    let bare = || {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c"]);
        command.arg(format!(
            "mount -t tmpfs none /sys/fs/cgroup; i=0; while [ $i -lt {ROUNDS} ]; do \
             crun --cgroup-manager=disabled --root {}/bare run --bundle {} bare; i=$((i+1)); done",
            f.dir.display(),
            bundle.display()
        ));
        let start = Instant::now();
        assert!(command.status().unwrap().success());
        start.elapsed() / ROUNDS
    };
    for _ in 0..3 {
        let bare = bare();
        let (mut exited, mut cleaned) = (Duration::ZERO, Duration::ZERO);
        for round in 0..ROUNDS {
            let start = Instant::now();
            exited += launch(&format!("r{round}")) - start;
            cleaned += start.elapsed();
        }
        println!("crun alone {bare:?}; until exit {:?}, until clean {:?}", exited / ROUNDS, cleaned / ROUNDS);
    }
}
