//! A booted machine, through the real command line: one boot for all that is looked at.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use cove_test_support::{IMAGE, Need, Outcome, binary, free_port, met, root_file_system, skip, wait_for};
use tempfile::TempDir;

const NAME: &str = "suite";

/// A home of its own, so that the user's machines and connections stay untouched.
struct Home(TempDir);

impl Home {
    fn cove(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(binary("cove"));
        command.args(arguments).env("HOME", self.0.path());
        for (variable, folder) in
            [("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"), ("XDG_RUNTIME_DIR", "run")]
        {
            command.env(variable, self.0.path().join(folder));
        }
        Outcome::of(command, b"")
    }

    fn inside(&self, arguments: &[&str]) -> Outcome {
        self.cove(&[&["-c", NAME], arguments].concat())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.cove(&["machine", "rm", "-f", NAME]);
    }
}

/// What `cargo xtask vm-image` made.
fn image() -> PathBuf {
    // The suite's own program is in TARGET/debug/deps.
    let program = std::env::current_exe().expect("the path of this program");
    let target = program.ancestors().nth(3).expect("the target folder");
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    target.join("vm-image").join(architecture)
}

#[test]
fn a_machine_runs_containers_and_publishes_their_ports() {
    if !met(&[Need::Qemu]) {
        return;
    }
    if !image().join("manifest.json").exists() {
        return skip(Need::Image, "there is no machine image (cargo xtask vm-image)");
    }
    // Short, because the sockets in it have at most 107 bytes.
    let home = Home(tempfile::Builder::new().prefix("cvm").tempdir_in("/tmp").expect("a temporary folder"));
    for folder in ["data", "config", "run"] {
        cove_sys::fs::create_dir(home.0.path().join(folder)).expect("a folder");
    }
    cove_sys::fs::set_permissions(
        home.0.path().join("run"),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .expect("a private folder");

    home.cove(&["machine", "init", "../up"]).fails(125, "../up");
    home.cove(&["machine", "start", "nobody"]).fails(125, "nobody");
    let image = image().display().to_string();
    let folder = home.0.path().join("work");
    cove_sys::fs::create_dir(&folder).expect("a folder");
    let folder = folder.display().to_string();
    home.cove(&["machine", "init", "--image", &image, "-v", "/etc:/etc", NAME]).fails(125, "own system");
    home.cove(&["machine", "init", "--image", &image, "-v", &format!("{folder}/gone"), NAME])
        .fails(125, "gone is not there");
    let with_folder = home.cove(&["machine", "init", "--image", &image, "-v", &folder, NAME]);
    let shares = !with_folder.stderr.contains("virtiofsd");
    if shares {
        with_folder.ok();
    } else {
        skip(Need::Virtiofsd, with_folder.stderr.trim());
        home.cove(&["machine", "init", "--image", &image, NAME]).ok();
    }
    home.cove(&["machine", "init", "--image", &image, NAME]).fails(125, NAME);
    home.cove(&["machine", "start", NAME]).ok();
    home.cove(&["machine", "start", NAME]).fails(125, NAME);
    assert!(home.cove(&["machine", "ls"]).ok().contains("Currently running"));
    assert_eq!(home.cove(&["machine", "ssh", NAME, "echo", "by ssh"]).ok(), "by ssh");

    let archive = home.0.path().join("rootfs.tar");
    root_file_system(&archive);
    home.inside(&["import", "-q", &archive.display().to_string(), IMAGE]).ok();
    let kernel = home.inside(&["run", "--rm", "--network", "none", IMAGE, "uname", "-r"]);
    let here = Command::new("uname").arg("-r").output().expect("uname").stdout;
    assert_ne!(kernel.ok(), String::from_utf8_lossy(&here).trim(), "it ran on the host");
    assert_eq!(home.inside(&["run", "--rm", "--network", "none", IMAGE, "sh", "-c", "exit 5"]).code, 5);

    if shares {
        a_container_sees_a_folder_of_this_computer(&home, &folder);
    }
    limits_hold(&home);
    pause_and_unpause(&home);
    a_published_port_answers_here(&home);
    a_running_machine_is_looked_after(&home);

    home.cove(&["machine", "stop", NAME]).ok();
    assert!(!home.cove(&["machine", "ls"]).ok().contains("Currently running"));
    home.inside(&["ps"]).fails(125, "connect");
    a_stopped_machine_is_kept_and_copied(&home);
    home.cove(&["machine", "rm", "-f", NAME]).ok();
    assert!(!home.cove(&["machine", "ls"]).ok().contains(NAME));
}

/// What is bind mounted by its path here is that, because the machine has it at the same path.
fn a_container_sees_a_folder_of_this_computer(home: &Home, folder: &str) {
    let file = |name: &str| PathBuf::from(folder).join(name);
    cove_sys::fs::write(file("in"), "from here").expect("a file");
    let volume = format!("{folder}:/w");
    let script = "cat /w/in; echo from there > /w/out";
    let run = ["run", "--rm", "--network", "none", "-v", &volume, IMAGE, "sh", "-c", script];
    assert_eq!(home.inside(&run).ok(), "from here");
    assert_eq!(cove_sys::fs::read_to_string(file("out")).expect("what it wrote"), "from there\n");
    let shown = home.cove(&["machine", "inspect", "--format", "{{range .Mounts}}{{.Source}}{{end}}", NAME]);
    assert_eq!(shown.ok(), folder);
}

/// The guest has whole control groups, which a test machine may lack.
fn limits_hold(home: &Home) {
    let limits =
        ["run", "--rm", "--network", "none", "--memory", "64m", "--pids-limit", "30", "--cpus", "0.5", IMAGE];
    let script = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max";
    let outcome = home.inside(&[&limits[..], &["sh", "-c", script]].concat());
    assert_eq!(outcome.ok(), "67108864\n30\n50000 100000");
    let eat = "dd if=/dev/zero of=/dev/null bs=200M count=1";
    let run =
        ["run", "--name", "eater", "--network", "none", "--memory", "64m", "--memory-swap", "64m", IMAGE];
    assert_eq!(home.inside(&[&run[..], &["sh", "-c", eat]].concat()).code, 137);
    assert_eq!(home.inside(&["inspect", "--format", "{{.State.OOMKilled}}", "eater"]).ok(), "true");
}

fn pause_and_unpause(home: &Home) {
    let clock = "while :; do echo tick; sleep 0.1; done";
    home.inside(&["run", "-d", "--name", "still", "--network", "none", IMAGE, "sh", "-c", clock]).ok();
    let ticks = || home.inside(&["logs", "still"]).ok().lines().count();
    wait_for("the first ticks", 20, || (ticks() > 2).then_some(()));
    home.inside(&["pause", "still"]).ok();
    assert_eq!(home.inside(&["inspect", "--format", "{{.State.Status}}", "still"]).ok(), "paused");
    std::thread::sleep(Duration::from_secs(1));
    let before = ticks();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(ticks(), before, "it went on while it was paused");
    home.inside(&["unpause", "still"]).ok();
    wait_for("more ticks", 20, || (ticks() > before).then_some(()));
    // Docker's client stops what is paused; Podman's refuses it.
    home.inside(&["pause", "still"]).ok();
    home.inside(&["stop", "-t", "0", "still"]).fails(125, "is in state paused");
    if met(&[Need::Docker]) {
        let asked = ["machine", "inspect", "--format", "{{.ConnectionInfo.PodmanSocket.Path}}", NAME];
        let socket = home.cove(&asked).ok().to_owned();
        let mut docker = Command::new("docker");
        docker.arg("-H").arg(format!("unix://{socket}")).args(["stop", "-t", "0", "still"]);
        Outcome::of(docker, b"").ok();
        assert_eq!(home.inside(&["inspect", "--format", "{{.State.Status}}", "still"]).ok(), "exited");
    }
    home.inside(&["rm", "-f", "-t", "0", "still"]).ok();
}

fn a_published_port_answers_here(home: &Home) {
    let port = free_port();
    let publish = format!("127.0.0.1:{port}:80");
    let server = "mkdir /www; echo hello >/www/index.html; exec httpd -f -p 80 -h /www";
    home.inside(&["run", "-d", "--name", "web", "-p", &publish, IMAGE, "sh", "-c", server]).ok();
    wait_for("the published port", 30, || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        text.contains("hello").then_some(())
    });
    home.inside(&["rm", "-f", "-t", "0", "web"]).ok();
    wait_for("the port to be free", 15, || TcpStream::connect(("127.0.0.1", port)).is_err().then_some(()));
}

/// Its disk grows and shrinks on the host while it runs, and the doctor finds it well.
fn a_running_machine_is_looked_after(home: &Home) {
    let blocks = || -> u64 {
        let text = home.cove(&["machine", "ssh", NAME, "df -Pm / | tail -n 1 | awk '{print $2}'"]);
        text.ok().parse().expect("a number of MiB")
    };
    let before = blocks();
    home.cove(&["machine", "resize", "--disk-size", "1", NAME]).fails(125, "can only grow");
    let resized = home.cove(&["machine", "resize", "--disk-size", "110", NAME]);
    assert!(!resized.ok().contains("next start"), "{}", resized.ok());
    assert!(blocks() > before + 8 * 1024, "{before} MiB before, {} now", blocks());

    let fill =
        "dd if=/dev/urandom of=/root/big bs=1M count=64 && sync && rm /root/big && echo kept > /root/kept";
    assert_eq!(home.cove(&["machine", "ssh", NAME, fill]).code, 0);
    let taken = || -> u64 {
        use std::os::unix::fs::MetadataExt as _;
        let disk = home.0.path().join("data/containers/cove/machine/qemu").join(NAME).join("disk.qcow2");
        cove_sys::fs::metadata(disk).expect("the disk").blocks() * 512
    };
    let full = taken();
    assert!(home.cove(&["machine", "compact", NAME]).ok().contains("its disk takes"));
    assert!(taken() + (32 << 20) < full, "{full} bytes before, {} now", taken());

    for refused in [&["snapshot", "create", NAME, "one"][..], &["export", NAME, "/nowhere/file"]] {
        home.cove(&[&["machine"], refused].concat()).fails(125, "is running: stop it");
    }
    let checks = home.cove(&["machine", "doctor", NAME, "--format", "{{.Name}}={{.Result}}", "--noheading"]);
    for name in ["programs", "definition", "keys", "connection", "state", "agent", "ports", "engine", "ssh"] {
        assert!(checks.ok().lines().any(|line| line == format!("{name}=ok")), "{name}: {}", checks.ok());
    }
    assert!(checks.ok().contains("clock=") && checks.ok().contains("guest disk=ok"), "{}", checks.ok());
}

/// A snapshot, and a copy by way of a file that boots with keys of its own.
fn a_stopped_machine_is_kept_and_copied(home: &Home) {
    assert_eq!(home.cove(&["machine", "snapshot", "create", NAME, "one"]).ok(), "one");
    assert_eq!(home.cove(&["machine", "snapshot", "ls", "-q", NAME]).ok(), "one");
    home.cove(&["machine", "set", "--cpus", "1", NAME]).ok();
    home.cove(&["machine", "snapshot", "restore", NAME, "one"]).ok();
    let cpus = home.cove(&["machine", "inspect", "--format", "{{.Resources.CPUs}}", NAME]).ok().to_owned();
    let file = home.0.path().join("suite.cove").display().to_string();
    home.cove(&["machine", "export", NAME, &file]).ok();
    home.cove(&["machine", "import", &file]).fails(125, "already exists");
    let copy = Copy(home);
    home.cove(&["machine", "import", &file, Copy::NAME]).ok();
    cove_sys::fs::remove_file(&file).expect("the file");
    assert_eq!(home.cove(&["machine", "inspect", "--format", "{{.Resources.CPUs}}", Copy::NAME]).ok(), cpus);
    home.cove(&["machine", "start", Copy::NAME]).ok();
    assert_eq!(home.cove(&["machine", "ssh", Copy::NAME, "cat", "/root/kept"]).ok(), "kept");
    assert!(home.cove(&["-c", Copy::NAME, "images", "-q"]).ok().lines().count() > 0);
    drop(copy);
}

/// The copy, which goes also where the test fails.
struct Copy<'a>(&'a Home);

impl Copy<'_> {
    const NAME: &'static str = "copy";
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        let _ = self.0.cove(&["machine", "rm", "-f", Self::NAME]);
    }
}
