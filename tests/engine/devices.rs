//! Devices that vendors describe, OCI hooks, and flags of the OCI runtime.

use std::path::{Path, PathBuf};

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Need, Outcome, Service, Who, everyone, met};

/// Everybody may read what is put there.
fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    for path in [folder, &path] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, mode).unwrap();
    }
    path
}

/// A folder with descriptions of devices, one of them a graphics processor.
fn described(bed: &Bed) -> String {
    let folder = bed.path("home").join("cdi");
    put(
        &folder,
        "vendor.yaml",
        "cdiVersion: 0.6.0\n\
         kind: vendor.test/dev\n\
         containerEdits: {env: [VENDOR=here]}\n\
         devices:\n\
         - name: zero\n  \
           containerEdits:\n    \
             env: [DEVICE=zero]\n    \
             deviceNodes: [{path: /dev/vendor0, hostPath: /dev/zero}]\n    \
             mounts: [{hostPath: /etc/hostname, containerPath: /vendor/name, options: [ro, nosuid, nodev, bind]}]\n",
    );
    put(
        &folder,
        "gpu.json",
        r#"{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [
            {"name": "all", "containerEdits": {"env": ["GPU=all"]}},
            {"name": "0", "containerEdits": {"env": ["GPU=first"]}}]}"#,
    );
    folder.display().to_string()
}

#[test]
fn a_described_device_brings_all_that_it_needs() {
    everyone(|bed| {
        let folder = described(bed);
        let cove = |arguments: &[&str]| bed.cove(&[&["--cdi-spec-dir", &folder], arguments].concat());
        let look = "echo $VENDOR $DEVICE; head -c 3 /dev/vendor0 | od -An -tx1; cat /vendor/name";
        let seen = cove(&["run", "--rm", "--device", "vendor.test/dev=zero", IMAGE, "sh", "-c", look])
            .ok()
            .to_owned();
        let host = fs::read_to_string("/etc/hostname").unwrap();
        assert_eq!(seen, format!("here zero\n 00 00 00\n{}", host.trim()));
        // It is there for who comes later, too.
        cove(&["run", "-d", "--name", "c", "--device", "vendor.test/dev=zero", IMAGE, "sleep", "1000"]).ok();
        assert_eq!(bed.cove(&["exec", "c", "sh", "-c", "echo $DEVICE; test -c /dev/vendor0"]).ok(), "zero");
        cove(&["run", "--rm", "--device", "vendor.test/dev=one", IMAGE, "true"])
            .fails(126, "unresolvable CDI devices vendor.test/dev=one");
        bed.cove(&["create", "--device", "vendor.test/dev=", IMAGE, "true"]).fails(125, "invalid device");
        bed.cove(&["rm", "-f", "-t", "0", "c"]).ok();
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
    });
}

#[test]
fn graphics_processors_are_described_devices() {
    everyone(|bed| {
        let folder = described(bed);
        let gpu = |options: &[&str]| {
            let run =
                [&["--cdi-spec-dir", &folder, "run", "--rm"], options, &[IMAGE, "sh", "-c", "echo $GPU"]];
            bed.cove(&run.concat()).ok().to_owned()
        };
        assert_eq!(gpu(&["--gpus", "all"]), "all");
        assert_eq!(gpu(&["--gpus", "device=0"]), "first");
        let cove = |arguments: &[&str]| bed.cove(&[&["--cdi-spec-dir", &folder], arguments].concat());
        cove(&["pod", "create", "--gpus", "0", "--device", "vendor.test/dev=zero", "p"]).ok();
        let look = "echo $GPU $DEVICE";
        assert_eq!(cove(&["run", "--rm", "--pod", "p", IMAGE, "sh", "-c", look]).ok(), "first zero");
        bed.cove(&["pod", "rm", "-f", "-t", "0", "p"]).ok();
        let empty = bed.path("home").display().to_string();
        bed.cove(&["--cdi-spec-dir", &empty, "run", "--rm", "--gpus", "all", IMAGE, "true"])
            .fails(126, "no known GPU vendor");
    });
}

#[test]
fn containers_conf_names_the_folders_and_a_service_uses_its_own() {
    everyone(|bed| {
        let folder = described(bed);
        let base = bed.path("home").join("conf-hooks");
        let told = bed.path("home").join("told-conf").display().to_string();
        let program = put(&base, "tell", &format!("#!/bin/sh\ncat >/dev/null; echo hook >>{told}\n"));
        let hooks = base.join("hooks");
        let text = format!(
            r#"{{"version": "1.0.0", "hook": {{"path": "{}"}}, "when": {{"always": true}}, "stages": ["createRuntime"]}}"#,
            program.display()
        );
        put(&hooks, "tell.json", &text);
        let hooks = hooks.display().to_string();
        let times = || fs::read_to_string(&told).unwrap_or_default().lines().count();
        let conf = bed.path("run").join("containers.conf");
        fs::write(&conf, format!("[engine]\ncdi_spec_dirs = [\"{folder}\"]\nhooks_dir = [\"{hooks}\"]\n"))
            .unwrap();
        let run = ["run", "--rm", "--gpus", "0", "--device", "vendor.test/dev=zero", IMAGE];
        let look = ["sh", "-c", "echo $GPU $DEVICE"];
        let mut command = bed.command(&[&run[..], &look[..]].concat());
        command.env("CONTAINERS_CONF_OVERRIDE", &conf);
        assert_eq!(Outcome::of(command, b"").ok(), "first zero");
        assert_eq!(times(), 1);
        let service = Service::start_with(bed, &["--cdi-spec-dir", &folder, "--hooks-dir", &hooks]);
        let uri = service.uri();
        assert_eq!(bed.cove(&[&["--url", &uri], &run[..], &look[..]].concat()).ok(), "first zero");
        assert_eq!(times(), 2);
    });
}

#[test]
fn hooks_run_where_they_are_meant_to() {
    everyone(|bed| {
        let base = bed.path("home").join("oci");
        let told = bed.path("home").join("told").display().to_string();
        let program = put(&base, "tell", &format!("#!/bin/sh\ncat >/dev/null; echo $1 >>{told}\n"));
        let change = put(&base, "change", "#!/bin/sh\nexec sed 's/UNCHANGED/changed/'\n");
        let hooks = base.join("hooks");
        let hook = |name: &str, program: &Path, when: &str, stage: &str| {
            let text = format!(
                r#"{{"version": "1.0.0", "hook": {{"path": "{}", "args": ["x", "{name}"]}}, "when": {when}, "stages": ["{stage}"]}}"#,
                program.display()
            );
            put(&hooks, &format!("{name}.json"), &text);
        };
        hook("created", &program, r#"{"always": true}"#, "createRuntime");
        hook("ended", &program, r#"{"annotations": {"^tell$": "yes"}}"#, "poststop");
        hook("never", &program, r#"{"commands": ["^/no/such$"]}"#, "prestart");
        hook("changes", &change, r#"{"hasBindMounts": true}"#, "precreate");
        let folder = hooks.display().to_string();
        let cove = |arguments: &[&str]| bed.cove(&[&["--hooks-dir", &folder], arguments].concat());
        let said = || fs::read_to_string(&told).unwrap_or_default();
        assert_eq!(cove(&["run", "--rm", IMAGE, "echo", "UNCHANGED"]).ok(), "UNCHANGED");
        assert_eq!(said(), "created\n");
        let run = ["run", "--rm", "--annotation", "tell=yes", "-v", "/tmp:/t", IMAGE, "echo", "UNCHANGED"];
        assert_eq!(cove(&run).ok(), "changed");
        assert_eq!(said(), "created\ncreated\nended\n");
        // What an administrator wants of every container is not left out in silence.
        put(&hooks, "wrong.json", "{");
        cove(&["run", "--rm", IMAGE, "true"]).fails(126, "wrong.json");
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
    });
}

#[test]
fn flags_reach_the_oci_runtime() {
    everyone(|bed| {
        bed.cove(&["--runtime-flag", "no-such-flag", "run", "--rm", IMAGE, "true"])
            .fails(126, "no-such-flag");
        let log = bed.path("home").join("runtime.log").display().to_string();
        bed.cove(&["--runtime-flag", &format!("log={log}"), "run", "--rm", IMAGE, "true"]).ok();
    });
}

#[test]
fn gvisor_runs_containers() {
    if !met(&[Need::Runsc]) {
        return;
    }
    let Some(bed) = Bed::new(Who::Root) else { return };
    // The kernel's newer network namespaces are more than older versions of it can read.
    let flags = ["--runtime", "runsc", "--runtime-flag", "network=none", "--runtime-flag", "ignore-cgroups"];
    let cove = |arguments: &[&str]| bed.cove(&[&flags[..], arguments].concat());
    let run = ["run", "--rm", "--network", "none", IMAGE, "sh", "-c", "cat /proc/version; exit 3"];
    let version = cove(&run);
    version.fails(3, "");
    assert!(version.stdout.starts_with("Linux version 4.4.0"), "{}", version.stdout);
    let sleeps = "echo starts; exec sleep 1000";
    cove(&["run", "-d", "--name", "g", "--network", "none", IMAGE, "sh", "-c", sleeps]).ok();
    assert_eq!(cove(&["exec", "g", "sh", "-c", "echo inside; exit 0"]).ok(), "inside");
    assert_eq!(bed.cove(&["logs", "g"]).ok(), "starts");
    cove(&["rm", "-f", "-t", "0", "g"]).ok();
    assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
}
