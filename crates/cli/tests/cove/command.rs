//! The real program, and transcripts of what it writes.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};

use crate::service::Service;

/// The program with a home of its own, talking to the service.
pub(crate) fn cove(service: &Service, words: &[&str]) -> Command {
    let mut command = plain(service);
    if !matches!(words.first(), Some(&("--connection" | "--context"))) {
        command.args(["--url", &service.url()]);
    }
    command.args(words);
    command
}

/// The program with a home of its own.
pub(crate) fn plain(service: &Service) -> Command {
    let folder = service.folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cove"));
    command
        .env_clear()
        .env("HOME", &folder)
        .env("XDG_RUNTIME_DIR", &folder)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("TZ", "UTC")
        .env("PATH", "/usr/bin:/bin")
        .current_dir(&folder)
        .stdin(Stdio::null());
    command
}

/// What the commands write, one after the other, with their exit codes where they fail.
pub(crate) fn transcript(service: &Service, lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = cove(service, &words).output().unwrap();
        write_transcript(service, line, &output, &mut text);
    }
    text
}

fn write_transcript(service: &Service, line: &str, output: &Output, text: &mut String) {
    let clean = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(&service.folder().display().to_string(), "HOME");
        // Lines end with spaces in tables; editors and reviews lose them.
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>()
    };
    let _ = write!(text, "$ cove {line}\n{}", clean(&output.stdout));
    for line in clean(&output.stderr).lines() {
        let _ = writeln!(text, "{}", format!("[error] {line}").trim_end());
    }
    if let Some(code) = output.status.code().filter(|code| *code != 0) {
        let _ = writeln!(text, "[exit code {code}]");
    }
    text.push('\n');
}

/// Words as a shell splits them at spaces and single quotes, with `\e`, `\n` and `\u202e` as what they stand for.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.replace("\\e", "\u{1b}").replace("\\n", "\n").replace("\\u202e", "\u{202e}"));
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// What a command writes to a terminal of so many columns: both of its outputs.
pub(crate) fn on_terminal(mut command: Command, columns: u16) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
    let slave: OwnedFd = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).unwrap();
    let size = rustix::termios::Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&slave, size).unwrap();
    command.stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    // The command holds the last copies of the terminal, so that its end is the end of the output.
    drop(command);
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let mut master = File::from(master);
    while let Ok(count @ 1..) = master.read(&mut piece) {
        bytes.extend_from_slice(&piece[..count]);
    }
    child.wait().unwrap();
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}
