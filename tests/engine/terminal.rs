//! `-t`: a terminal in the container and on our side, through script(1).

use std::process::Command;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Who, binary, met};

/// Runs `cove` on a terminal of its own; `keys` (as printf(1) writes them) are typed after some seconds, when the
/// terminal is in raw mode.
fn on_terminal(bed: &Bed, arguments: &[&str], keys: &str) -> Option<Outcome> {
    if !met(&[Need::Script]) {
        return None;
    }
    let mut line = binary("cove").display().to_string();
    for argument in bed.store_options().iter().map(String::as_str).chain(arguments.iter().copied()) {
        line.push_str(&format!(" '{}'", argument.replace('\'', "'\\''")));
    }
    let mut command = Command::new("sh");
    let typed = if keys.is_empty() { String::new() } else { format!("sleep 3; printf '{keys}'; sleep 1") };
    let script = "{ eval \"$1\"; } | exec script -q -e -c \"stty rows 31 cols 97; $2\" /dev/null";
    command.args(["-c", script, "sh", &typed, &line]).env("TERM", "xterm");
    Some(Outcome::of(command, b""))
}

#[test]
fn a_terminal_has_our_size_and_the_exit_code_comes_back() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    // The size may come a moment after the process has begun.
    let script = "test -t 0 && test -t 1 || exit 8; until stty size 2>/dev/null; do sleep 0.05; done; exit 9";
    let Some(outcome) =
        on_terminal(&bed, &["run", "--rm", "-it", "--network", "none", IMAGE, "sh", "-c", script], "")
    else {
        return;
    };
    assert_eq!(outcome.code, 9, "{outcome:?}");
    assert!(outcome.stdout.contains("31 97"), "{outcome:?}");
}

#[test]
fn the_detach_keys_leave_the_container_running() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let keys = "\\020\\021";
    let Some(outcome) =
        on_terminal(&bed, &["run", "-it", "--name", "ctr", "--network", "none", IMAGE, "sleep", "100"], keys)
    else {
        return;
    };
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(bed.cove(&["inspect", "--format", "{{.State.Status}}", "ctr"]).ok(), "running");
}

#[test]
fn a_terminal_needs_a_terminal() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    // As Podman: allowed with a warning, because CI scripts do it.
    let outcome = bed.cove(&["run", "--rm", "-t", "--network", "none", IMAGE, "echo", "x"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(outcome.stdout, "x\r\n");
}
