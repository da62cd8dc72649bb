//! The systemd that runs services, through its `systemctl`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{self, Error, RunOptions};

/// The longest that it may take to read all units again, which runs all generators.
const RELOAD: Duration = Duration::from_secs(120);
/// The longest that a service may take to stop, or to stop and start; it has its own limit, which is shorter.
const STOP: Duration = Duration::from_secs(600);
/// How many units are asked for at once.
const AT_ONCE: usize = 500;

/// The system's or the user's.
#[derive(Debug, Clone)]
pub struct Systemd {
    /// The user's folder of run-time files, where it is the user's.
    runtime: Option<PathBuf>,
}

/// What systemd says about a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitState {
    load: String,
    active: String,
    sub: String,
}

impl UnitState {
    /// Whether it runs, or is about to start or stop.
    #[must_use]
    pub fn is_active(&self) -> bool {
        // What starts, reloads or stops runs too.
        self.is_loaded() && !matches!(self.active.as_str(), "inactive" | "failed")
    }
    fn is_loaded(&self) -> bool {
        self.load == "loaded"
    }
    /// As a list shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.is_loaded() { format!("{}/{}", self.active, self.sub) } else { "Not loaded".to_owned() }
    }
}

impl Systemd {
    /// The user's, whose folder of run-time files this is; without one the system's.
    #[must_use]
    pub fn of(runtime: Option<PathBuf>) -> Self {
        Self { runtime }
    }

    /// True where this machine was booted with it, as sd_booted(3) says, or the user has one.
    #[must_use]
    pub fn is_running(&self) -> bool {
        match &self.runtime {
            None => Path::new("/run/systemd/system").is_dir(),
            Some(runtime) => runtime.join("systemd").is_dir(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("systemctl");
        if let Some(runtime) = &self.runtime {
            command.arg("--user").env("XDG_RUNTIME_DIR", runtime);
        }
        command
    }

    fn run(&self, words: &[&str], units: &[String], timeout: Duration) -> Result<String, Error> {
        let mut command = self.command();
        command.args(words);
        if !units.is_empty() {
            command.arg("--").args(units);
        }
        let options = RunOptions { timeout, output_limit: 4 << 20, ..RunOptions::default() };
        let output = process::run_ok(&mut command, &options)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// It does not, or there is no `systemctl`.
    pub fn check(&self) -> Result<(), Error> {
        self.run(&["show", "--property=Version"], &[], RELOAD).map(drop)
    }

    /// Has it read all units again, and so run the generator; false where it does not run and has nothing to read.
    ///
    /// # Errors
    /// It could not.
    pub fn reload(&self) -> Result<bool, Error> {
        if !self.is_running() {
            return Ok(false);
        }
        self.run(&["daemon-reload"], &[], RELOAD).map(|_| true)
    }

    /// Stops and starts a service, and waits until it is up.
    ///
    /// # Errors
    /// It did not come up, or there is none of that name.
    pub fn restart(&self, unit: &str) -> Result<(), Error> {
        self.run(&["restart"], &[unit.to_owned()], STOP).map(drop)
    }

    /// Stops a service and waits for its end.
    ///
    /// # Errors
    /// It could not.
    pub fn stop(&self, unit: &str) -> Result<(), Error> {
        self.run(&["stop"], &[unit.to_owned()], STOP).map(drop)
    }

    /// The states of units by their names. A template has none, and where systemd does not run there is none.
    ///
    /// # Errors
    /// It does not answer.
    pub fn states(&self, units: &[String]) -> Result<HashMap<String, UnitState>, Error> {
        let mut states = HashMap::new();
        if !self.is_running() {
            return Ok(states);
        }
        let units: Vec<String> = units.iter().filter(|unit| !unit.contains("@.")).cloned().collect();
        for units in units.chunks(AT_ONCE) {
            let words = ["show", "--property=LoadState,ActiveState,SubState"];
            let text = self.run(&words, units, RELOAD)?;
            states.extend(units.iter().cloned().zip(read(&text)));
        }
        Ok(states)
    }
}

/// What `systemctl show` writes: properties of one unit on lines, and an empty line between units.
fn read(text: &str) -> Vec<UnitState> {
    let one = |block: &str| {
        let mut state = UnitState::default();
        for (name, value) in block.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "LoadState" => value.clone_into(&mut state.load),
                "ActiveState" => value.clone_into(&mut state.active),
                "SubState" => value.clone_into(&mut state.sub),
                _ => {}
            }
        }
        state
    };
    text.split("\n\n").filter(|block| !block.trim().is_empty()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemctl_says() {
        let text = "LoadState=loaded\nActiveState=active\nSubState=running\n\nLoadState=not-found\n\
                    ActiveState=inactive\nSubState=dead\n\nLoadState=loaded\nActiveState=inactive\nSubState=dead\n";
        let states = read(text);
        let shown: Vec<_> = states.iter().map(|state| (state.shown(), state.is_active())).collect();
        let expected = [("active/running", true), ("Not loaded", false), ("inactive/dead", false)];
        assert_eq!(shown, expected.map(|(text, active)| (text.to_owned(), active)));
    }
}
