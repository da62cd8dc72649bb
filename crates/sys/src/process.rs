//! Short-lived helper programs: find them, run them with a time limit, keep a bounded part of their output.
//!
//! [`run`] is for programs that answer and end (credential helpers, `newuidmap`, `nft`); a long-lived process
//! is started with `std::process` directly.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How [`run`] treats the program.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Written to the program's standard input, which is then closed.
    pub stdin: Vec<u8>,
    /// The program is killed after this time.
    pub timeout: Duration,
    /// At most this many bytes of each of stdout and stderr are kept; more is [`Error::TooMuchOutput`].
    pub output_limit: usize,
}

impl Default for RunOptions {
    /// No input, 30 seconds, 1 MiB.
    fn default() -> Self {
        Self { stdin: Vec::new(), timeout: Duration::from_secs(30), output_limit: 1 << 20 }
    }
}

/// What a program that ended left behind.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote to standard output.
    pub stdout: Vec<u8>,
    /// All it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard error as one trimmed line for an error message; standard output where that is empty.
    pub fn message(&self) -> String {
        let stderr = String::from_utf8_lossy(&self.stderr).trim().to_owned();
        if stderr.is_empty() { String::from_utf8_lossy(&self.stdout).trim().to_owned() } else { stderr }
    }
}

/// Why a program gave no [`Output`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started.
    #[error("cannot start {}", program.to_string_lossy())]
    Spawn {
        /// The program as it was named.
        program: OsString,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Its pipes or its end could not be handled.
    #[error("cannot talk to {}", program.to_string_lossy())]
    Io {
        /// The program as it was named.
        program: OsString,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It did not end in time and was killed.
    #[error("{} did not finish within {} s", program.to_string_lossy(), timeout.as_secs_f32())]
    Timeout {
        /// The program as it was named.
        program: OsString,
        /// The limit that passed.
        timeout: Duration,
    },
    /// It wrote more than the limit and was killed.
    #[error("{} wrote more than {limit} bytes", program.to_string_lossy())]
    TooMuchOutput {
        /// The program as it was named.
        program: OsString,
        /// The limit in bytes.
        limit: usize,
    },
    /// It ended with another status than 0 (only from [`run_ok`]).
    #[error("{} failed ({status}): {message}", program.to_string_lossy())]
    Failed {
        /// The program as it was named.
        program: OsString,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        message: String,
    },
    /// The program is in none of the searched folders.
    #[error("{name} not found (searched {})", display_list(searched))]
    NotFound {
        /// The program's name.
        name: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
}

fn display_list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "no folder".to_owned();
    }
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Runs `command` to its end and returns what it wrote, whatever its exit status.
///
/// The caller sets arguments, folder and environment; the three standard streams are set here.
///
/// # Errors
/// It cannot be started, does not end in time, or writes too much. It is killed and reaped in each case.
pub fn run(command: &mut Command, options: &RunOptions) -> Result<Output, Error> {
    let program = command.get_program().to_owned();
    let mut child = command
        .stdin(if options.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| Error::Spawn { program: program.clone(), source })?;

    if let Some(mut stdin) = child.stdin.take() {
        let data = options.stdin.clone();
        // A thread of its own, so that a program that reads nothing cannot block us; EPIPE is its choice.
        std::thread::spawn(move || {
            let _ = stdin.write_all(&data);
        });
    }
    let stdout = read_in_background(child.stdout.take(), options.output_limit);
    let stderr = read_in_background(child.stderr.take(), options.output_limit);
    let deadline = Instant::now() + options.timeout;

    let collected = collect(&mut child, &program, options, deadline, &stdout, &stderr);
    if collected.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    collected
}

/// As [`run`], but an exit status other than 0 is [`Error::Failed`] with the program's own message.
///
/// # Errors
/// As [`run`], and the failure of the program.
pub fn run_ok(command: &mut Command, options: &RunOptions) -> Result<Output, Error> {
    let output = run(command, options)?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::Failed {
        program: command.get_program().to_owned(),
        status: output.status,
        message: output.message(),
    })
}

type Stream = mpsc::Receiver<io::Result<Vec<u8>>>;

fn read_in_background(stream: Option<impl Read + Send + 'static>, limit: usize) -> Stream {
    let (sender, receiver) = mpsc::channel();
    if let Some(stream) = stream {
        std::thread::spawn(move || {
            let mut data = Vec::new();
            let result = stream.take(limit as u64 + 1).read_to_end(&mut data).map(|_| data);
            let _ = sender.send(result);
        });
    }
    receiver
}

fn collect(
    child: &mut Child,
    program: &OsStr,
    options: &RunOptions,
    deadline: Instant,
    stdout: &Stream,
    stderr: &Stream,
) -> Result<Output, Error> {
    let receive = |stream: &Stream| -> Result<Vec<u8>, Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        let data = stream
            .recv_timeout(left)
            .map_err(|_| Error::Timeout { program: program.to_owned(), timeout: options.timeout })?
            .map_err(|source| Error::Io { program: program.to_owned(), source })?;
        if data.len() > options.output_limit {
            return Err(Error::TooMuchOutput { program: program.to_owned(), limit: options.output_limit });
        }
        Ok(data)
    };
    let stdout = receive(stdout)?;
    let stderr = receive(stderr)?;
    // The streams are closed, so the end is near: a short poll costs nothing.
    let mut pause = Duration::from_micros(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Output { status, stdout, stderr }),
            Ok(None) if Instant::now() >= deadline => {
                return Err(Error::Timeout { program: program.to_owned(), timeout: options.timeout });
            }
            Ok(None) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Err(source) => return Err(Error::Io { program: program.to_owned(), source }),
        }
    }
}

/// Finds an executable: `name` itself where it holds a path separator, else in `folders` and then in the
/// folders of `path` (the value of `PATH`).
///
/// # Errors
/// [`Error::NotFound`] with all folders that were searched.
pub fn find_program(name: &str, folders: &[PathBuf], path: Option<&OsStr>) -> Result<PathBuf, Error> {
    if name.contains('/') || (cfg!(windows) && name.contains('\\')) {
        let candidate = PathBuf::from(name);
        if is_executable(&candidate) {
            return Ok(candidate);
        }
        return Err(Error::NotFound { name: name.to_owned(), searched: Vec::new() });
    }
    let mut searched = folders.to_vec();
    if let Some(path) = path {
        // An empty entry would mean the current folder: never run a helper from there.
        searched.extend(std::env::split_paths(path).filter(|folder| folder.is_absolute()));
    }
    for folder in &searched {
        let candidate = folder.join(name);
        if is_executable(&candidate) {
            return Ok(candidate);
        }
        if cfg!(windows) {
            let candidate = folder.join(format!("{name}.exe"));
            if is_executable(&candidate) {
                return Ok(candidate);
            }
        }
    }
    Err(Error::NotFound { name: name.to_owned(), searched })
}

/// Whether `path` is a regular file that somebody may execute (on Windows: a regular file).
pub fn is_executable(path: &Path) -> bool {
    let Ok(metadata) = crate::fs::metadata(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    {
        metadata.is_file()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn returns_output_and_status() {
        let options = RunOptions { stdin: b"hello".to_vec(), ..RunOptions::default() };
        let output = run(&mut shell("cat; echo oops >&2; exit 3"), &options).unwrap();
        assert_eq!(output.stdout, b"hello");
        assert_eq!(output.message(), "oops");
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn kills_what_does_not_end() {
        let options = RunOptions { timeout: Duration::from_millis(200), ..RunOptions::default() };
        let before = Instant::now();
        assert!(matches!(run(&mut shell("exec sleep 300"), &options), Err(Error::Timeout { .. })));
        assert!(before.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn bounds_the_output() {
        let options = RunOptions { output_limit: 1000, ..RunOptions::default() };
        let result = run(&mut shell("exec head -c 100000 /dev/zero"), &options);
        assert!(matches!(result, Err(Error::TooMuchOutput { limit: 1000, .. })));
    }

    #[test]
    fn failure_names_the_program() {
        let error = run_ok(&mut shell("echo broken >&2; exit 1"), &RunOptions::default()).unwrap_err();
        assert!(error.to_string().contains("/bin/sh") && error.to_string().contains("broken"));
    }

    #[test]
    fn finds_programs() {
        assert!(find_program("sh", &[], Some(OsStr::new("/nowhere:/bin"))).is_ok());
        assert!(find_program("sh", &["/bin".into()], None).is_ok());
        assert!(find_program("no-such-program", &["/bin".into()], None).is_err());
        assert!(find_program("/bin/sh", &[], None).is_ok());
    }
}
