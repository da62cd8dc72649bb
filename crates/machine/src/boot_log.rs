//! What the guest's PID 1 writes to the console, and how the host reads it back.
//!
//! The console is under the guest's control: the host takes these lines as hints for waiting and as figures to
//! show, never as a decision.

/// Beginning of each line of the guest's PID 1.
pub const PREFIX: &str = "cove-init: ";

/// Stage: sshd listens.
pub const STAGE_SSH: &str = "ssh";
/// Stage: the engine's socket accepts connections.
pub const STAGE_ENGINE: &str = "engine";

/// One reached stage of the boot.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct BootStage {
    /// Its name.
    pub name: String,
    /// Seconds since the guest's kernel started.
    pub at: f64,
}

/// The stages in a console log, in the order of the log, at most 64.
#[must_use]
pub fn stages(log: &str) -> Vec<BootStage> {
    log.lines().filter_map(parse_stage).take(64).collect()
}

fn parse_stage(line: &str) -> Option<BootStage> {
    // The kernel may have written its own text in front on the same line.
    let start = line.find(PREFIX)? + PREFIX.len();
    let mut words = line[start..].strip_prefix("stage ")?.split_whitespace();
    let name = words.next()?;
    let at: f64 = words.next()?.parse().ok()?;
    let plain = name.len() <= 32 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (plain && at.is_finite() && at >= 0.0).then(|| BootStage { name: name.to_owned(), at })
}

/// The last lines of a console log without control characters, for an error message.
#[must_use]
pub fn tail(log: &str, lines: usize) -> String {
    let clean: Vec<String> = log
        .lines()
        .map(|line| line.chars().filter(|c| !c.is_control()).take(300).collect::<String>())
        .filter(|line| !line.trim().is_empty())
        .collect();
    clean[clean.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stages_and_ignores_the_rest() {
        let log = "[    1.0] kernel\r\ncove-init: stage mounts 1.250\r\nx cove-init: stage ssh 1.9\n\
                   cove-init: stage bad\u{1b}[31m 2\ncove-init: stage nan NaN\ncove-init: other\n";
        let found = stages(log);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], BootStage { name: "mounts".into(), at: 1.25 });
        assert_eq!(found[1].name, STAGE_SSH);
    }

    #[test]
    fn tail_has_no_control_characters() {
        assert_eq!(tail("a\n\u{1b}[31mb\r\n\nc\n", 2), "[31mb\nc");
    }
}
