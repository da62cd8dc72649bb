//! Networks and published ports when somebody kills, fills or forgets: others go on, and nothing stays taken.

use std::process::Command;

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Who, everyone, free_port, wait_for};

use crate::network::{SERVER, get};

fn kill(pid: &str) {
    let status = Command::new("kill").args(["-9", pid]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill {pid}");
}

#[test]
fn a_port_of_one_that_nobody_cleaned_up_is_free_for_the_next() {
    everyone(|bed| {
        let port = free_port();
        let publish = format!("127.0.0.1:{port}:80");
        let run = |name: &str| {
            bed.cove(&["run", "-d", "--name", name, "-p", &publish, IMAGE, "sh", "-c", SERVER]).ok();
            wait_for("the published port", 15, || get(port));
        };
        run("first");
        let pids = bed.cove(&["inspect", "--format", "{{.State.ConmonPid}} {{.State.Pid}}", "first"]);
        // Without its monitor nobody starts the command that cleans up.
        for pid in pids.ok().split(' ') {
            kill(pid);
        }
        run("second");
        assert_eq!(bed.cove(&["ps", "--format", "{{.Names}}"]).ok(), "second");
        bed.cove(&["rm", "-f", "-t", "0", "-a"]).ok();
        wait_for("the port to be free", 10, || std::net::TcpListener::bind(("127.0.0.1", port)).ok());
    });
}

#[test]
fn a_killed_name_server_is_started_by_the_next_container() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let name = format!("cn{}", free_port());
    bed.cove(&["network", "create", &name]).ok();
    bed.cove(&["run", "-d", "--name", "web", "--network", &name, IMAGE, "sleep", "1000"]).ok();
    let resolves = || {
        let run = ["run", "--rm", "--network", &name, IMAGE, "nslookup", "web"];
        bed.cove(&run).stdout.contains("Name:").then_some(())
    };
    wait_for("the name of the other container", 15, resolves);
    kill(fs::read_to_string("/run/containers/networks/aardvark-dns/aardvark.pid").expect("its pid").trim());
    wait_for("the name after the server was killed", 15, resolves);
    bed.cove(&["rm", "-f", "-t", "0", "web"]).ok();
    let gone = ["run", "--rm", "--network", &name, IMAGE, "nslookup", "web"];
    let outcome = bed.cove(&gone);
    assert!(outcome.code != 0 && outcome.stdout.contains("NXDOMAIN"), "{outcome:?}");
    bed.cove(&["network", "rm", &name]).ok();
}

#[test]
fn a_network_without_a_free_address_says_so_and_frees_them() {
    everyone(|bed| {
        let name = format!("cf{}", free_port());
        bed.cove(&["network", "create", "--subnet", "10.211.77.0/30", &name]).ok();
        bed.cove(&["run", "-d", "--name", "one", "--network", &name, IMAGE, "sleep", "1000"]).ok();
        for _ in 0..2 {
            let outcome = bed.cove(&["run", "--rm", "--network", &name, IMAGE, "true"]);
            outcome.fails(126, "no free address");
        }
        bed.cove(&["rm", "-f", "-t", "0", "one"]).ok();
        bed.cove(&["run", "--rm", "--network", &name, IMAGE, "true"]).ok();
        assert_eq!(bed.cove(&["ps", "-a", "-q"]).ok(), "");
        bed.cove(&["network", "rm", &name]).ok();
    });
}
