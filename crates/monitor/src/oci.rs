//! The command line of the OCI runtime, where the engine calls it as the monitor does.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use cove_sys::fs;

use crate::protocol::RuntimeCommand;

/// Most of a runtime's log that is read.
const MAX_LOG: u64 = 1 << 20;

/// Variables that are meant for this process, if for anybody: an OCI runtime would hand them to the container.
pub const OWN_VARIABLES: [&str; 4] = ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/// The runtime, up to the verb; it tells its errors in `log`, see [`error_text`].
#[must_use]
pub fn command(runtime: &RuntimeCommand, log: &Path) -> Command {
    let mut command = Command::new(&runtime.path);
    for name in OWN_VARIABLES {
        command.env_remove(name);
    }
    command.args(&runtime.arguments);
    command.arg("--log-format=json").arg("--log").arg(log);
    command.current_dir("/");
    if runtime.hide_cgroups {
        // SAFETY: the function only makes system calls.
        unsafe { command.pre_exec(crate::view::hide_cgroups) };
    }
    command
}

/// The verb that runs the process of a file in a container, which is to be named after it. The runtime ends as soon as
/// the process has started, and leaves it to the nearest subreaper.
pub fn exec(command: &mut Command, process: &Path, pid_file: &Path) {
    command.arg("exec").arg("--process").arg(process);
    command.arg("--detach").arg("--pid-file").arg(pid_file);
}

/// The pid that a runtime wrote into a file.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn read_pid(path: &Path) -> io::Result<i32> {
    let text = fs::read_to_string(path)?;
    let pid = text.trim().parse().ok().filter(|pid| *pid > 0);
    pid.ok_or_else(|| io::Error::other(format!("{}: {text:?} is not a pid", path.display())))
}

/// The last error in the runtime's log, or else `output`, which it wrote to standard error.
#[must_use]
pub fn error_text(log: &Path, output: &[u8]) -> String {
    let text = read_end(log).unwrap_or_default();
    let mut message = None;
    let mut rest = text.as_str();
    while !rest.trim_start().is_empty() {
        // An entry is a JSON document on one line, or (newer crun) on several.
        let mut entries = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        match entries.next() {
            Some(Ok(entry)) => {
                let level = entry.get("level").and_then(|l| l.as_str()).unwrap_or("error");
                if let Some(text) = entry.get("msg").and_then(|m| m.as_str())
                    && matches!(level, "error" | "fatal" | "panic")
                {
                    message = Some(text.to_owned());
                }
                rest = &rest[entries.byte_offset()..];
            }
            _ => {
                let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
                if !line.trim().is_empty() {
                    message = Some(line.trim().to_owned());
                }
                rest = below;
            }
        }
    }
    message.unwrap_or_else(|| String::from_utf8_lossy(output).trim().to_owned())
}

fn read_end(path: &Path) -> io::Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    if length > MAX_LOG {
        file.seek(SeekFrom::Start(length - MAX_LOG))?;
    }
    let mut bytes = Vec::new();
    file.take(MAX_LOG).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
