//! The real program with hostile values: every option of every command, and every command's arguments. Made from the
//! program's own help.
//!
//! The verdict: it ends in time and not by a panic; what it says may be shown and begins with `Error:` once; nothing is
//! made or left in its folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::answers::usual;
use crate::command::{cove, plain};
use crate::hostile::acts;
use crate::service::Service;

/// A value that acts on a terminal and forges a second message.
const HOSTILE: &str = "no\u{1b}]0;title\u{7}\nError: forged\u{9b}\u{202e}";

/// In so long every command ends, however slow the machine.
const IN_TIME: Duration = Duration::from_secs(60);

/// Commands that do something else than to talk to an engine, and would do it, and one that goes on until it is ended.
const LEFT_OUT: &[&str] = &["unshare", "system service", "pod stats"];

/// What a command's help says.
struct Help {
    path: String,
    /// Options with a value, such as `--name`, and their line of help.
    options: Vec<(String, String)>,
}

fn help_of(service: &Service, path: &str) -> String {
    let output = plain(service).arg("help").args(path.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "help {path}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of a section of a help text.
fn section<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    text.lines().skip_while(|line| *line != title).skip(1).take_while(|line| !line.is_empty()).collect()
}

/// All commands. What stands at the top and in a group is told once.
fn commands(service: &Service) -> Vec<Help> {
    let (mut all, mut groups, mut texts) = (Vec::new(), vec![String::new()], BTreeSet::new());
    while let Some(group) = groups.pop() {
        for line in section(&help_of(service, &group), "Available Commands:") {
            let name = line.split_whitespace().next().unwrap();
            if line.starts_with("     ") {
                continue;
            }
            let path = format!("{group} {name}").trim().to_owned();
            let text = help_of(service, &path);
            if !section(&text, "Available Commands:").is_empty() {
                groups.push(path);
                continue;
            }
            let without_usage: String = text.lines().filter(|line| !line.starts_with("  cove ")).collect();
            if LEFT_OUT.contains(&path.as_str()) || !texts.insert(without_usage) {
                continue;
            }
            let options = section(&text, "Options:").into_iter().filter_map(|line| {
                let (flag, rest) = line.split_once("--")?;
                let (name, rest) = rest.split_once(" <")?;
                let is_flag = flag.trim().len() <= 3 && !name.contains(' ');
                is_flag.then(|| (format!("--{name}"), rest.to_owned()))
            });
            all.push(Help { options: options.collect(), path });
        }
    }
    assert!(all.len() > 50, "only {} commands", all.len());
    all
}

/// The command lines that are tried.
fn lines(commands: &[Help]) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    let mut known = BTreeSet::new();
    for Help { path, options } in commands {
        let words: Vec<String> = path.split(' ').map(str::to_owned).collect();
        let line =
            |more: &[&str]| [words.clone(), more.iter().map(|word| (*word).to_owned()).collect()].concat();
        lines.push(line(&[HOSTILE]));
        lines.push(line(&[HOSTILE, HOSTILE, HOSTILE, HOSTILE]));
        for (name, help) in options {
            // The file that the user asked for is made: the scripted engine commits anything.
            if (path.as_str(), name.as_str()) == ("commit", "--iidfile") {
                continue;
            }
            // The same option in another command is read by the same code.
            if known.insert((name.clone(), help.clone())) {
                lines.push(line(&[&format!("{name}={HOSTILE}"), "x"]));
            }
        }
    }
    lines
}

/// The files in a folder with their sizes. Folders are made on the way, and the empty files of locks stay, because
/// somebody may wait for them.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in cove_sys::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let about = cove_sys::fs::symlink_metadata(&path).unwrap();
            // gpg makes its own folder wherever it is asked for a key.
            if path.ends_with(".gnupg") {
                continue;
            }
            if about.is_dir() {
                folders.push(path);
            } else if about.len() > 0 || path.extension().is_none_or(|extension| extension != "lock") {
                found.insert(path, about.len());
            }
        }
    }
    found
}

fn verdict(service: &Service, line: &[String]) -> Result<(), String> {
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    let begin = Instant::now();
    let mut command = cove(service, &words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > IN_TIME {
            let _ = child.kill();
            return Err(format!("does not end within {IN_TIME:?}"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let Some(code) = output.status.code().filter(|code| matches!(code, 0 | 1 | 125 | 126 | 127)) else {
        return Err(format!("{}: {said}", output.status));
    };
    if let Some(letter) = said.chars().find(|letter| acts(*letter)) {
        return Err(format!("{letter:?} in {said:?}"));
    }
    if code > 1 && !said.contains("Error: ") {
        return Err(format!("{code} without a reason: {said:?}"));
    }
    match said.lines().find(|line| line.starts_with("Error: forged") || line.len() > 8 << 10) {
        Some(line) => Err(format!("a line that is not ours: {line:?}")),
        None => Ok(()),
    }
}

#[test]
fn every_option_and_argument_with_a_hostile_value() {
    let service = Service::start(usual());
    let lines = lines(&commands(&service));
    assert!(lines.len() > 200, "only {} lines", lines.len());
    let before = files(&service.folder());
    let (queue, faults) = (Mutex::new(lines.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(line) = queue.lock().unwrap().next() else { return };
                    if let Err(fault) = verdict(&service, line) {
                        faults.lock().unwrap().push(format!("{line:?}: {fault}"));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} of {} lines:\n{}", faults.len(), lines.len(), faults.join("\n"));
    assert_eq!(files(&service.folder()), before, "something was made or left");
}
