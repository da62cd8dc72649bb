//! Where output is kept, and how it is read again.

use cove_test_support::{IMAGE, everyone};

const RUN: [&str; 5] = ["run", "--name", "c", "--network", "none"];

#[test]
fn full_files_are_kept_and_read() {
    everyone(|bed| {
        let script = "i=0; while [ $i -lt 30 ]; do echo line $i 0123456789; sleep 0.01; i=$((i+1)); done";
        let options = ["--log-opt", "max-size=400", "--log-opt", "max-file=3", IMAGE, "sh", "-c", script];
        bed.cove(&RUN.into_iter().chain(options).collect::<Vec<_>>()).ok();
        let path = bed.cove(&["inspect", "--format", "{{.HostConfig.LogConfig.Path}}", "c"]).ok().to_owned();
        assert!(std::path::Path::new(&format!("{path}.2")).exists());
        assert!(!std::path::Path::new(&format!("{path}.3")).exists());
        let text = bed.cove(&["logs", "c"]).ok().to_owned();
        let numbers: Vec<u32> =
            text.lines().map(|line| line.split(' ').nth(1).unwrap().parse().unwrap()).collect();
        let expected: Vec<u32> = (numbers[0]..30).collect();
        assert_eq!(numbers, expected);
        let in_one = cove_sys::fs::read_to_string(&path).unwrap().lines().count();
        assert!(numbers.len() > 2 * in_one.min(5), "{text}");
        for tail in [1, in_one + 1, numbers.len()] {
            let tailed = bed.cove(&["logs", "--tail", &tail.to_string(), "c"]).ok().to_owned();
            assert_eq!(tailed.lines().count(), tail);
            assert!(text.ends_with(&tailed));
        }
        assert_eq!(bed.cove(&["logs", "-f", "c"]).ok(), text);
        bed.cove(&["rm", "c"]).ok();
        let wrong = ["create", "--log-opt", "max-file=0", IMAGE, "true"];
        bed.cove(&wrong).fails(125, "invalid log option max-file");
    });
}

#[test]
fn streams_are_passed_through() {
    everyone(|bed| {
        let options = ["--log-driver", "passthrough-tty", IMAGE, "echo", "hello"];
        assert_eq!(bed.cove(&RUN.into_iter().chain(options).collect::<Vec<_>>()).ok(), "hello");
        bed.cove(&["logs", "c"]).fails(125, "'passthrough-tty' log driver, cannot read logs");
        bed.cove(&["rm", "c"]).ok();
    });
}

/// Where there is a journal, its own tests of podman say the rest.
#[test]
fn a_missing_journal_is_said() {
    if std::path::Path::new("/run/systemd/journal/socket").exists() {
        return;
    }
    everyone(|bed| {
        let create = ["create", "--log-driver", "journald", IMAGE, "true"];
        bed.cove(&create).fails(125, "the log driver \"journald\" is not supported here");
    });
}
