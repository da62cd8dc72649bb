//! `cove run`: output, input, exit codes and the flags that shape the process.

use cove_test_support::{Bed, IMAGE, Who, everyone};

#[test]
fn output_input_and_exit_codes() {
    everyone(|bed| {
        let run = ["run", "--rm", "--network", "none"];
        fn joined<'a>(run: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
            [run, rest].concat()
        }
        let with = |rest: &[&'static str]| joined(&run, rest);
        let both = bed.cove(&with(&[IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7"]));
        assert_eq!((both.code, both.stdout.as_str(), both.stderr.as_str()), (7, "out\n", "err\n"));
        assert_eq!(bed.cove_with(&with(&["-i", IMAGE, "cat"]), b"line\n").ok(), "line");
        bed.cove(&with(&[IMAGE, "no-such-program"])).fails(127, "no-such-program");
        bed.cove(&with(&[IMAGE, "/etc"])).fails(126, "OCI permission denied");
        bed.cove(&with(&["--no-such-flag", IMAGE, "true"])).fails(125, "--no-such-flag");
        assert_eq!(bed.cove(&with(&[IMAGE, "sh", "-c", "sh -c 'kill -9 $$'; exit $?"])).code, 137);
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "", "--rm left a container");
    });
}

#[test]
fn flags_shape_the_process() {
    everyone(|bed| {
        let file = bed.path("env");
        cove_sys::fs::write(&file, "# comment\nFROM_FILE=1\n").expect("env file");
        let file = file.display().to_string();
        let script = "echo $A $FROM_FILE; pwd; id -u; hostname; cat /proc/1/comm; true";
        let args = [
            "run",
            "--rm",
            "--network",
            "none",
            "-e",
            "A=b",
            "--env-file",
            &file,
            "-w",
            "/tmp",
            "-u",
            "guest",
        ];
        let rest = ["--hostname", "box", IMAGE, "sh", "-c", script];
        assert_eq!(bed.cove(&[&args[..], &rest].concat()).ok(), "b 1\n/tmp\n1000\nbox\nsh");
        let entrypoint =
            bed.cove(&["run", "--rm", "--network", "none", "--entrypoint", "echo", IMAGE, "x", "y"]);
        assert_eq!(entrypoint.ok(), "x y");
        let init = bed.cove(&["run", "--rm", "--network", "none", "--init", IMAGE, "cat", "/proc/1/comm"]);
        assert!(init.ok().contains("init") || init.ok().contains("catatonit"), "{init:?}");
        let read_only = bed.cove(&["run", "--rm", "--network", "none", "--read-only", IMAGE, "touch", "/x"]);
        read_only.fails(1, "Read-only file system");
    });
}

#[test]
fn the_name_is_taken_once() {
    everyone(|bed| {
        bed.cove(&["create", "--name", "one", IMAGE, "true"]).ok();
        bed.cove(&["create", "--name", "one", IMAGE, "true"]).fails(125, "one");
        bed.cove(&["create", "--name", "bad name", IMAGE, "true"]).fails(125, "bad name");
        assert_eq!(bed.cove(&["ps", "-a", "--format", "{{.Names}}"]).ok(), "one");
    });
}

#[test]
fn many_at_once() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    std::thread::scope(|scope| {
        for number in 0..12 {
            let bed = &bed;
            scope.spawn(move || {
                let text = number.to_string();
                let outcome = bed.cove(&["run", "--rm", "--network", "none", IMAGE, "echo", &text]);
                assert_eq!(outcome.ok(), text);
            });
        }
    });
    assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
}
