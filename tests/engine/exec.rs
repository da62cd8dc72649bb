//! Exec sessions that their caller waits for: streams, codes, and what is left where one side goes first.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use cove_test_support::{Bed, IMAGE, everyone, wait_for};

/// A container that sleeps.
fn sleeper(bed: &Bed) {
    bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sleep", "100"]).ok();
}

/// An exec whose process has begun: it has written a line.
fn begun(bed: &Bed, script: &str) -> Child {
    let mut command = bed.command(&["exec", "ctr", "sh", "-c", script]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("cove");
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    output.read_line(&mut line).expect("a line");
    assert_eq!(line, "begun\n");
    child.stdout = Some(output.into_inner());
    child
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().expect("kill").success());
}

#[test]
fn everything_written_arrives_with_the_code() {
    everyone(|bed| {
        sleeper(bed);
        let script =
            "head -c 3000000 /dev/zero | tr '\\0' x; head -c 200000 /dev/zero | tr '\\0' y >&2; exit 3";
        let outcome = bed.cove(&["exec", "ctr", "sh", "-c", script]);
        assert_eq!((outcome.code, outcome.stdout.len(), outcome.stderr.len()), (3, 3_000_000, 200_000));
        let input = vec![b'z'; 1_000_000];
        let outcome = bed.cove_with(&["exec", "-i", "ctr", "wc", "-c"], &input);
        assert_eq!(outcome.ok(), "1000000");
        assert_eq!(bed.cove(&["exec", "ctr", "sh", "-c", "kill -9 $$"]).code, 137);
        // Nobody reads to its end.
        assert_eq!(bed.cove_with(&["exec", "-i", "ctr", "true"], &input).code, 0);
    });
}

#[test]
fn what_it_leaves_in_the_background_is_not_waited_for() {
    everyone(|bed| {
        sleeper(bed);
        let outcome = bed.cove(&["exec", "ctr", "sh", "-c", "/bin/sleep 50 & echo back"]);
        assert_eq!(outcome.ok(), "back");
        assert!(bed.cove(&["top", "ctr", "args"]).ok().contains("/bin/sleep 50"));
        assert_eq!(bed.cove(&["inspect", "--format", "{{.ExecIDs}}", "ctr"]).ok(), "[]");
    });
}

#[test]
fn it_goes_on_when_its_caller_is_ended() {
    everyone(|bed| {
        sleeper(bed);
        let script = "echo begun; while [ ! -e /go ]; do echo waits; /bin/sleep 0.05; done; \
                      echo one && echo two >&2 && touch /made; /bin/sleep 100";
        let mut child = begun(bed, script);
        signal(&child, "TERM");
        assert_eq!(child.wait().expect("its end").code(), Some(143));
        drop(child);
        bed.cove(&["exec", "ctr", "touch", "/go"]).ok();
        wait_for("the process to go on", 10, || {
            (bed.cove(&["exec", "ctr", "test", "-e", "/made"]).code == 0).then_some(())
        });
        // It is known still, and goes with its container.
        assert_eq!(bed.cove(&["inspect", "--format", "{{len .ExecIDs}}", "ctr"]).ok(), "1");
        bed.cove(&["rm", "-f", "-t", "0", "ctr"]).ok();
    });
}

#[test]
fn it_ends_with_its_container() {
    everyone(|bed| {
        sleeper(bed);
        let mut child = begun(bed, "echo begun; exec /bin/sleep 100");
        assert_eq!(bed.cove(&["inspect", "--format", "{{len .ExecIDs}}", "ctr"]).ok(), "1");
        bed.cove(&["rm", "-f", "-t", "0", "ctr"]).ok();
        assert_eq!(child.wait().expect("its end").code(), Some(137));

        sleeper(bed);
        let mut child = begun(bed, "echo begun; exec /bin/sleep 100");
        child.kill().expect("a kill");
        child.wait().expect("its end");
        assert_eq!(bed.cove(&["exec", "ctr", "echo", "next"]).ok(), "next");
        bed.cove(&["stop", "-t", "0", "ctr"]).ok();
        assert_eq!(bed.cove(&["inspect", "--format", "{{.ExecIDs}}", "ctr"]).ok(), "[]");
    });
}
