//! Running programs with a limit in time, and asking what this machine has.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest a single command of a test may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Where Docker's client looks for its plug-ins, besides the user's own folder.
const DOCKER_PLUGINS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// A plug-in of Docker's client, such as `docker-buildx`: in the folder `COVE_DOCKER_PLUGINS`, or where it is installed.
pub fn docker_plugin(name: &str) -> Option<PathBuf> {
    let own = std::env::var_os("COVE_DOCKER_PLUGINS").map(PathBuf::from);
    let folders = own.into_iter().chain(DOCKER_PLUGINS.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Node, which finds the modules that are installed for all, beside those of `NODE_PATH`.
pub fn node_command() -> Command {
    let global = Command::new("npm").args(["root", "--global"]).output();
    let global = global.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let own = std::env::var("NODE_PATH").ok();
    let folders: Vec<String> =
        own.into_iter().chain(global.ok()).filter(|folder| !folder.is_empty()).collect();
    let mut command = Command::new("node");
    command.env("NODE_PATH", folders.join(":"));
    command
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command, for messages.
    pub command: String,
    /// Exit code; 128 + signal where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Runs `command` with `input` on its standard input.
    ///
    /// # Panics
    /// Where it cannot be started or takes longer than two minutes.
    pub fn of(mut command: Command, input: &[u8]) -> Self {
        let text = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run {text}: {error}"));
        let mut stdin = child.stdin.take();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            if let Some(stdin) = stdin.as_mut() {
                // A program that does not read its input is no failure of the test.
                let _ = stdin.write_all(&input);
            }
        });
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let status = wait_limited(&mut child, &text);
        let _ = writer.join();
        let read = |thread: std::thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
        };
        Self { command: text, code: code_of(status), stdout: read(stdout), stderr: read(stderr) }
    }

    /// Standard output without white space at its ends.
    ///
    /// # Panics
    /// Where the command failed.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{}\nstdout: {}\nstderr: {}", self.command, self.stdout, self.stderr);
        self.stdout.trim()
    }

    /// Checks the exit code and that standard error holds `text`.
    ///
    /// # Panics
    /// Where they are not so.
    #[track_caller]
    pub fn fails(&self, code: i32, text: &str) -> &Self {
        assert_eq!(self.code, code, "{}\nstdout: {}\nstderr: {}", self.command, self.stdout, self.stderr);
        assert!(self.stderr.contains(text), "{}: {text:?} is not in: {}", self.command, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}: {}", self.command, self.stderr);
        self
    }
}

fn collect(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn wait_limited(child: &mut Child, text: &str) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap_or_else(|error| panic!("{text}: {error}")) {
            return status;
        }
        if start.elapsed() > LIMIT {
            let _ = child.kill();
            panic!("{text}: still running after {} s", LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn code_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Folders of programs that are not in every user's PATH.
const MORE_FOLDERS: [&str; 5] =
    ["/usr/sbin", "/sbin", "/usr/local/bin", "/usr/lib/podman", "/usr/libexec/podman"];

/// Whether a program is here.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_FOLDERS.map(PathBuf::from))
        .any(|folder| folder.join(program).is_file())
}

/// Where the workspace's program of that name is built: in `COVE_BIN_DIR`, or beside the test that runs.
///
/// # Panics
/// Where the test does not know its own path.
pub fn built(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("COVE_BIN_DIR") {
        return PathBuf::from(folder).join(name);
    }
    // target/debug/deps/SUITE → target/debug
    let suite = std::env::current_exe().expect("the suite's own path");
    suite.parent().and_then(Path::parent).map(|folder| folder.join(name)).unwrap_or_default()
}

/// True for the super-user.
pub fn is_root() -> bool {
    // SAFETY: geteuid has no preconditions.
    unsafe { libc::geteuid() == 0 }
}

/// A TCP port of the loopback address that nobody uses just now.
///
/// # Panics
/// Where there is none.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

/// How many times longer than on an idle machine anything may take before it counts as never: two full processors, a
/// disk that flushes. A wait that ends well costs nothing of it.
const PATIENCE: u64 = 6;

/// Waits for `probe` to answer: `seconds` are ample on an idle machine, a busy one has several times as long.
///
/// # Panics
/// Where it never does.
#[track_caller]
pub fn wait_for<T>(what: &str, seconds: u64, mut probe: impl FnMut() -> Option<T>) -> T {
    let limit = seconds * PATIENCE;
    let deadline = Instant::now() + Duration::from_secs(limit);
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {limit} s");
        std::thread::sleep(Duration::from_millis(20));
    }
}
