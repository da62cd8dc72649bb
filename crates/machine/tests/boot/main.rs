//! Machines for real: QEMU boots an image whose engine is the example `guest_init`. One boot serves as many
//! checks as possible. Without QEMU, mmdebstrap or a mirror the tests are skipped.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use cove_sys::fs;
use cove_test_support::{Need, met, skip};
use serde_json::Value;

/// `target/debug` of this build.
fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().to_path_buf()
}

/// The image with the stand-in engine, built once.
fn image() -> Result<PathBuf, String> {
    use std::sync::OnceLock;
    static IMAGE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    IMAGE.get_or_init(build_image).clone()
}

fn build_image() -> Result<PathBuf, String> {
    let folder = target().parent().unwrap().join("vm-image/test");
    let engine = target().join("examples/guest_init");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "xtask", "--"]);
    let mut built = Command::new(target().join("xtask"));
    let build = |command: &mut Command| {
        command
            .args(["vm-image", "--cove"])
            .arg(&engine)
            .arg("--monitor")
            .arg(&engine)
            .arg("--out")
            .arg(&folder);
        command.stdin(Stdio::null()).output().map_err(|error| error.to_string())
    };
    let mut output = build(&mut cargo)?;
    if !output.status.success() {
        output = build(&mut built).unwrap_or(output);
    }
    if output.status.success() { Ok(folder) } else { Err(text(&output.stderr)) }
}

macro_rules! need_image {
    () => {{
        if !met(&[Need::Qemu]) {
            return;
        }
        match image() {
            Ok(image) => image,
            Err(why) => return skip(Need::Image, &why),
        }
    }};
}

mod folders;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with machines of its own; what is left running is ended with it.
struct Tool {
    folder: tempfile::TempDir,
    _turn: std::sync::MutexGuard<'static, ()>,
}

/// One machine at a time: the stand-in engine publishes a fixed port, and emulation takes all processors.
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

impl Tool {
    fn new(image: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("cove-m-").tempdir().unwrap();
        std::os::unix::fs::symlink(image, folder.path().join("image")).unwrap();
        Self { folder, _turn: TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner) }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(target().join("examples/machine_tool"));
        command.arg(self.folder.path()).args(words).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    #[track_caller]
    fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn as_root(&self, name: &str, command: &str) -> Output {
        self.command(&["ssh", name, command]).env("MACHINE_USER", "root").output().unwrap()
    }

    #[track_caller]
    fn fails(&self, words: &[&str], message: &str) {
        let output = self.run(words);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{words:?}: {stderr}");
        assert!(stderr.contains(message), "{words:?}: {message:?} is not in: {stderr}");
    }

    #[track_caller]
    fn state(&self, name: &str) -> String {
        let list: Value = serde_json::from_str(&self.ok(&["ls"])).unwrap();
        let machines = list.as_array().unwrap();
        let found = machines.iter().find(|machine| machine["Name"] == name).unwrap();
        found["State"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn wait_state(&self, name: &str, state: &str) {
        let started = Instant::now();
        while self.state(name) != state {
            assert!(started.elapsed() < Duration::from_secs(180), "{} instead of {state}", self.state(name));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn machine(&self, name: &str) -> PathBuf {
        self.folder.path().join("data/qemu").join(name)
    }

    fn runtime(&self, name: &str) -> PathBuf {
        self.folder.path().join("run").join(name)
    }

    fn vm_pid(&self, name: &str) -> String {
        fs::read_to_string(self.runtime(name).join("vm.pid")).unwrap().trim().to_owned()
    }

    fn agent_pid(&self, name: &str) -> String {
        let state: Value =
            serde_json::from_slice(&fs::read(self.runtime(name).join("agent.json")).unwrap()).unwrap();
        state["pid"].to_string()
    }

    fn ping(&self, name: &str) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(self.runtime(name).join("api.sock"))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")?;
        let mut answer = Vec::new();
        let mut buffer = [0; 256];
        while !answer.ends_with(b"OK") {
            match stream.read(&mut buffer)? {
                0 => break,
                count => answer.extend_from_slice(&buffer[..count]),
            }
        }
        Ok(text(&answer))
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.folder.path().join("data/qemu")).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                self.run(&["rm", &name, "-f"]);
            }
        }
    }
}

#[track_caller]
fn signal(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

fn echo(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"hello")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn echo_udp(port: u16) -> std::io::Result<String> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.send_to(b"hello", ("127.0.0.1", port))?;
    let mut buffer = [0; 64];
    let count = socket.recv(&mut buffer)?;
    Ok(text(&buffer[..count]))
}

#[test]
fn a_machine_lives_and_survives() {
    let image = need_image!();
    let tool = Tool::new(&image);
    tool.fails(&["init", "dev", "2", "512", "10", "Mars/Olympus"], "--timezone");
    tool.fails(&["init", "dev", "2", "512", "10", "UTC", "99999"], "--swap");
    tool.fails(&["init", "dev", "2", "512", "10", "UTC", "0", "core"], "root and cove");
    tool.ok(&["init", "dev", "2", "512", "10", "Asia/Seoul", "16", "cove", "ca"]);
    assert_eq!(tool.state("dev"), "stopped");
    tool.fails(&["init", "dev"], "already exists");
    tool.fails(&["ssh", "dev", "true"], "is not running");

    let started = Instant::now();
    let report: Value = serde_json::from_str(&tool.ok(&["start", "dev"])).unwrap();
    println!("start: {:.2} s, {report}", started.elapsed().as_secs_f64());
    assert_eq!(tool.state("dev"), "running");
    tool.fails(&["start", "dev"], "already running");
    tool.fails(&["rm", "dev"], "cannot be removed");
    tool.fails(&["set", "dev", "20"], "is running");

    what_was_asked_for_at_init_is_there(&tool);

    // The API, a published port, ssh with its exit code, the grown file system.
    assert!(tool.ping("dev").unwrap().ends_with("OK"));
    assert_eq!(echo(8080).unwrap(), "hello");
    assert_eq!(echo_udp(8081).unwrap(), "hello");
    let output = tool.run(&["ssh", "dev", "df -m / | tail -1 | awk '{print $2}'; hostname; exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    let stdout = text(&output.stdout);
    let mut lines = stdout.lines();
    assert!(lines.next().unwrap().parse::<u32>().unwrap() > 9000, "{stdout}");
    assert_eq!(lines.next(), Some("dev"));

    // A killed agent is seen and replaced; the VM does not notice.
    let vm = tool.vm_pid("dev");
    signal("-KILL", &tool.agent_pid("dev"));
    tool.wait_state("dev", "degraded");
    tool.ok(&["start", "dev"]);
    assert_eq!(tool.vm_pid("dev"), vm);
    assert_eq!(tool.state("dev"), "running");
    assert_eq!(echo(8080).unwrap(), "hello");

    // Killed services come back, and the agent connects again by itself.
    tool.as_root("dev", "pkill -9 -x cove; pkill -9 -x sshd");
    let since = Instant::now();
    while !tool.ping("dev").is_ok_and(|answer| answer.ends_with("OK")) {
        assert!(since.elapsed() < Duration::from_secs(180), "the engine did not come back");
        std::thread::sleep(Duration::from_millis(200));
    }
    tool.wait_state("dev", "running");

    // A VM that hangs is seen, and `start` replaces it.
    signal("-STOP", &vm);
    assert_eq!(tool.state("dev"), "unresponsive");
    tool.ok(&["start", "dev"]);
    assert_ne!(tool.vm_pid("dev"), vm);
    assert_eq!(tool.state("dev"), "running");

    // A VM that dies is seen at once; its agent goes with it; nothing listens any more.
    signal("-KILL", &tool.vm_pid("dev"));
    tool.wait_state("dev", "stopped");
    let since = Instant::now();
    while tool.runtime("dev").join("api.sock").exists() {
        assert!(since.elapsed() < Duration::from_secs(60), "the agent did not end with its VM");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(echo(8080).is_err());

    // So is one whose kernel panics, and its disk boots again.
    tool.ok(&["start", "dev"]);
    tool.as_root("dev", "echo c >/proc/sysrq-trigger");
    tool.wait_state("dev", "stopped");
    assert!(tool.ok(&["logs", "dev"]).contains("Kernel panic"), "the panic is not in the log");

    // Data written before an orderly stop is there after the next start; the port may be taken meanwhile.
    tool.ok(&["start", "dev"]);
    assert!(tool.as_root("dev", "echo kept > /root/file").status.success());
    tool.ok(&["stop", "dev"]);
    assert!(fs::read_to_string(tool.machine("dev").join("console.log")).unwrap().contains("cove-init: off"));
    tool.ok(&["stop", "dev"]);
    let record: Value =
        serde_json::from_slice(&fs::read(tool.machine("dev").join("machine.json")).unwrap()).unwrap();
    let _taken =
        TcpListener::bind(("127.0.0.1", u16::try_from(record["ssh_port"].as_u64().unwrap()).unwrap()));
    tool.ok(&["set", "dev", "12"]);
    tool.fails(&["set", "dev", "11"], "are not enough");
    tool.ok(&["start", "dev"]);
    assert_eq!(text(&tool.as_root("dev", "cat /root/file").stdout), "kept\n");
    tool.ok(&["rm", "dev", "-f"]);
    assert!(!tool.machine("dev").exists() && !tool.runtime("dev").exists());
    assert_eq!(tool.ok(&["ls"]).trim(), "[]");
}

/// Time zone, swap, the ordinary user, the host's certificate authorities; files in and out; the logs.
fn what_was_asked_for_at_init_is_there(tool: &Tool) {
    assert_eq!(
        tool.ok(&["ssh", "dev", "id -un; date +%Z; echo $XDG_RUNTIME_DIR"]),
        "cove\nKST\n/run/user/1000\n"
    );
    assert_eq!(tool.ok(&["ssh", "dev", "touch /run/user/1000/x $HOME/x && echo own"]), "own\n");
    assert!(
        !tool.run(&["ssh", "dev", "ls /run/cove"]).status.success(),
        "an ordinary user sees the engine's socket"
    );
    let since = Instant::now();
    while !tool.ok(&["ssh", "dev", "cat /proc/swaps"]).contains("/var/swap") {
        assert!(since.elapsed() < Duration::from_secs(240), "there is no swap");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(
        tool.ok(&["ssh", "dev", "head -n 1 /etc/ssl/certs/ca-certificates.crt.image"]),
        "-----BEGIN CERTIFICATE-----\n"
    );
    let sizes = tool.ok(&[
        "ssh",
        "dev",
        "cd /etc/ssl/certs && wc -c <ca-certificates.crt && wc -c <ca-certificates.crt.image",
    ]);
    let sizes: Vec<u64> = sizes.lines().map(|line| line.trim().parse().unwrap()).collect();
    assert!(sizes[0] > sizes[1], "{sizes:?}");

    let folder = tool.folder.path().join("a:b");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "there and back").unwrap();
    tool.ok(&["cp", &folder.to_string_lossy(), "dev:copied"]);
    assert_eq!(tool.ok(&["ssh", "dev", "cat copied/file"]), "there and back");
    let back = tool.folder.path().join("back");
    tool.ok(&["cp", "dev:/home/cove/copied/file", &back.to_string_lossy()]);
    assert_eq!(fs::read_to_string(&back).unwrap(), "there and back");
    assert!(!tool.run(&["cp", "dev:/root", &back.to_string_lossy()]).status.success());

    assert!(tool.ok(&["logs", "dev"]).contains("Console cove-init: stage ssh "));
}

#[test]
fn an_interrupted_start_can_be_repeated() {
    let image = need_image!();
    let tool = Tool::new(&image);
    tool.ok(&["init", "cut", "2", "512", "10"]);
    for after in [5, 30, 60, 120, 250, 500, 1000] {
        let mut child =
            tool.command(&["start", "cut"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = tool.run(&["start", "cut"]);
    assert!(
        output.status.success() || text(&output.stderr).contains("already running"),
        "{}",
        text(&output.stderr)
    );
    tool.wait_state("cut", "running");
    assert!(tool.ping("cut").unwrap().ends_with("OK"));
    // One VM, not seven, and no kernel that was only to show whether KVM works.
    for own in [tool.runtime("cut").join("vm.pid"), tool.machine("cut").join("kernel")] {
        let list = Command::new("pgrep").args(["-fc", &*own.to_string_lossy()]).output();
        assert_eq!(text(&list.unwrap().stdout).trim(), "1", "{}", own.display());
    }
}

/// A kernel (by the header of the x86 boot protocol 2.00) that halts at its first instruction.
fn halting_kernel() -> Vec<u8> {
    let mut kernel = vec![0; 64 * 1024];
    kernel[0x1f1] = 1; // sectors of set-up
    kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    kernel[0x200..0x202].copy_from_slice(&[0xeb, 0x66]); // jmp 0x268
    kernel[0x202..0x208].copy_from_slice(b"HdrS\0\x02");
    kernel[0x211] = 1; // loaded high
    kernel[0x268..0x26c].copy_from_slice(&[0xfa, 0xf4, 0xeb, 0xfd]); // cli; hlt; jmp to hlt
    kernel
}

#[test]
fn a_guest_that_never_speaks_is_started_once_more() {
    let image = need_image!();
    let tool = Tool::new(&image);
    tool.ok(&["init", "mute", "1", "512", "10"]);
    let console = tool.machine("mute").join("console.log");
    let kernel = tool.machine("mute").join("kernel");
    let good = tool.machine("mute").join("kernel.good");
    fs::rename(&kernel, &good).unwrap();
    fs::write(&kernel, halting_kernel()).unwrap();
    let child =
        tool.command(&["start", "mute"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while !tool.runtime("mute").join("agent.json").exists() {
        assert!(since.elapsed() < Duration::from_secs(60), "no agent was started");
        std::thread::sleep(Duration::from_millis(50));
    }
    // It hangs already; the next one is the right one.
    fs::rename(&good, &kernel).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("has said nothing on its console in 45 s: it is started once more"), "{stderr}");
    assert!(fs::read(console.with_extension("log.1")).unwrap().is_empty());
    assert_eq!(tool.state("mute"), "running");
}

#[test]
fn a_machine_that_cannot_boot_says_why() {
    let image = need_image!();
    let tool = Tool::new(&image);
    tool.ok(&["init", "bad", "1", "512", "10"]);
    let disk = tool.machine("bad").join("disk.qcow2");
    assert!(
        Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2"])
            .arg(&disk)
            .arg("1G")
            .status()
            .unwrap()
            .success()
    );
    tool.fails(&["start", "bad"], "/dev/vda cannot be mounted as the root file system");
    assert_eq!(tool.state("bad"), "stopped");
    fs::write(&disk, "no disk").unwrap();
    tool.fails(&["start", "bad"], "qemu-system-x86_64 failed");
    fs::remove_file(&disk).unwrap();
    tool.fails(&["start", "bad"], "disk.qcow2");
}

#[test]
fn damaged_definitions_and_keys_are_named() {
    let image = need_image!();
    let tool = Tool::new(&image);
    tool.fails(&["init", "-x"], "not allowed");
    tool.fails(&["init", "a$(calc)"], "not allowed");
    tool.fails(&["init", "small", "1", "512", "2"], "--disk-size");
    tool.fails(&["start", "nobody"], "VM does not exist");
    for name in ["empty", "half", "newer", "keys"] {
        tool.ok(&["init", name, "1", "512", "10"]);
    }
    let record = |name: &str| tool.machine(name).join("machine.json");
    let good = fs::read_to_string(record("half")).unwrap();
    fs::write(record("empty"), "").unwrap();
    fs::write(record("half"), &good[..good.len() / 2]).unwrap();
    fs::write(
        record("newer"),
        fs::read_to_string(record("newer")).unwrap().replacen("\"version\": 1", "\"version\": 7", 1),
    )
    .unwrap();
    assert_eq!(tool.state("empty"), "broken");
    assert_eq!(tool.state("half"), "broken");
    assert_eq!(tool.state("newer"), "broken");
    assert_eq!(tool.state("keys"), "stopped");
    tool.fails(&["start", "empty"], "it is empty");
    tool.fails(&["inspect", "half"], "damaged");
    tool.fails(&["start", "newer"], "newer version");
    tool.fails(&["rm", "newer"], "--force");
    for name in ["empty", "half", "newer"] {
        tool.ok(&["rm", name, "-f"]);
    }
    let key = tool.machine("keys").join("id_ed25519");
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    tool.fails(&["start", "keys"], "chmod 600");
    fs::remove_file(&key).unwrap();
    tool.fails(&["start", "keys"], "the key is lost");
    tool.ok(&["rm", "keys"]);
    // Another guest behind the port: refused, and no VM is left.
    tool.ok(&["init", "swapped", "1", "512", "10"]);
    tool.ok(&["init", "other", "1", "512", "10"]);
    let host_key = |name: &str| tool.machine(name).join("host_ed25519");
    fs::copy(host_key("other"), host_key("swapped")).unwrap();
    tool.fails(&["start", "swapped"], "is not the one made for it");
    assert_eq!(tool.state("swapped"), "stopped");
    tool.ok(&["rm", "swapped"]);
    tool.ok(&["rm", "other"]);
    assert_eq!(tool.ok(&["ls"]).trim(), "[]");
}

#[test]
fn a_damaged_image_is_refused_and_leaves_nothing() {
    let image = need_image!();
    let tool = Tool::new(&image);
    let copy = tool.folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["manifest.json", "kernel", "initramfs"] {
        fs::copy(image.join(name), copy.join(name)).unwrap();
    }
    fs::write(copy.join("disk.qcow2"), "torn").unwrap();
    fs::remove_file(tool.folder.path().join("image")).unwrap();
    tool.fails(&["init", "dev"], "cargo xtask vm-image");
    std::os::unix::fs::symlink(&copy, tool.folder.path().join("image")).unwrap();
    tool.fails(&["init", "dev"], "not what the manifest says");
    assert_eq!(tool.ok(&["ls"]).trim(), "[]");
    let left = fs::read_dir(tool.folder.path().join("data/qemu")).unwrap().flatten();
    assert_eq!(left.filter(|entry| entry.path().is_dir()).count(), 0, "staging folders are left");
}
