//! Services of systemd for what exists.

use std::process::Command;

use cove_sys::fs;
use cove_test_support::{IMAGE, Outcome, Service, everyone};

#[test]
fn a_container_s_unit_starts_it_or_makes_it_anew() {
    everyone(|bed| {
        let run = [
            "run",
            "-d",
            "--name",
            "web",
            "--network",
            "none",
            "--stop-timeout",
            "3",
            IMAGE,
            "sleep",
            "1000",
        ];
        let id = bed.cove(&run).ok().to_owned();
        let unit = bed.cove(&["generate", "systemd", "--no-header", "web"]).ok().to_owned();
        assert!(unit.starts_with(&format!("# container-{id}.service\n")), "{unit}");
        let line = |unit: &str, key: &str| {
            let found = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("no {key} in {unit}")).to_owned()
        };
        assert_eq!(line(&unit, "TimeoutStopSec"), "63");
        let pid = fs::read_to_string(line(&unit, "PIDFile")).expect("the pid file");
        assert_eq!(bed.cove(&["inspect", "--format", "{{.State.ConmonPid}}", "web"]).ok(), pid);
        // What the unit calls does what it says.
        let program = line(&unit, "ExecStart").split(' ').next().expect("a program").to_owned();
        assert!(Command::new(program).arg("--version").output().expect("the program").status.success());
        let files =
            ["generate", "systemd", "--new", "--name", "--files", "-e", "A=1 2", "--restart-sec", "5", "web"];
        let path = bed.cove(&files).ok().to_owned();
        assert!(path.ends_with("/container-web.service"), "{path}");
        let unit = fs::read_to_string(path).expect("the unit");
        for text in [
            "--replace",
            "--name web",
            "--cidfile=%t/%n.ctr-id",
            "Environment=\"A=1 2\"",
            "RestartSec=5",
            "Type=notify",
        ] {
            assert!(unit.contains(text), "{text}: {unit}");
        }
        bed.cove(&["generate", "systemd", "--restart-policy", "never", "web"])
            .fails(125, "not a valid restart policy");
        bed.cove(&["generate", "systemd", "--after", "a\nb", "web"]).fails(125, "no word of a unit");
        bed.cove(&["generate", "systemd", "nobody"]).fails(125, "does not refer to a container or pod");
        let service = Service::start(bed);
        let url = service.uri();
        let there = ["--url", &url, "generate", "systemd", "--new", "--no-header", "--format", "json", "web"];
        let here = ["generate", "systemd", "--new", "--no-header", "--format", "json", "web"];
        assert_eq!(bed.cove(&there).ok(), bed.cove(&here).ok());
        bed.cove(&["rm", "-f", "-t", "0", "web"]).ok();
    });
}

#[test]
fn a_pod_s_units_run_it_by_hand() {
    everyone(|bed| {
        bed.cove(&["pod", "create", "--name", "p", "--network", "none"]).ok();
        let run = ["create", "--pod", "p", "--name", "web", IMAGE, "sleep", "1000"];
        bed.cove(&run).ok();
        let units =
            bed.cove(&["generate", "systemd", "--new", "--name", "--no-header", "--format", "json", "p"]);
        let units: serde_json::Value = serde_json::from_str(units.ok()).expect("JSON");
        bed.cove(&["pod", "rm", "-f", "p"]).ok();
        // The commands as systemd would run them.
        let folder = bed.path("run").display().to_string();
        let call = |unit: &str, key: &str| {
            let text = units[unit].as_str().expect("a unit").replace("\\\n\t", " ");
            let line =
                text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).expect("a line");
            let line = line.replace("%t", &folder).replace("%n", unit);
            let words = shlex::split(&line).expect("words");
            let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            let mut command = bed.program(cove_test_support::binary("cove").as_ref());
            command.args(&arguments);
            Outcome::of(command, b"").ok().to_owned()
        };
        call("pod-p", "ExecStartPre");
        call("pod-p", "ExecStart");
        call("container-web", "ExecStart");
        assert_eq!(
            bed.cove(&["ps", "--format", "{{.Names}} {{.State}}", "--filter", "name=web"]).ok(),
            "web running"
        );
        call("container-web", "ExecStop");
        call("container-web", "ExecStopPost");
        call("pod-p", "ExecStop");
        call("pod-p", "ExecStopPost");
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
        assert_eq!(bed.cove(&["pod", "ps", "-q"]).ok(), "");
    });
}
