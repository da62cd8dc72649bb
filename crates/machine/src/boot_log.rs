//! What the guest's PID 1 writes to the console, and how the host reads it back.
//!
//! The console is under the guest's control: the host takes these lines as hints for waiting and as figures to
//! show, never as a decision.

/// Beginning of each line of the guest's PID 1.
pub const PREFIX: &str = "cove-init: ";

/// Stage: sshd listens.
pub(crate) const STAGE_SSH: &str = "ssh";
/// Stage: the engine's socket accepts connections.
pub(crate) const STAGE_ENGINE: &str = "engine";

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

/// The seconds since its kernel's start that a line of the console begins with.
#[must_use]
pub(crate) fn uptime(line: &str) -> Option<f64> {
    if let Some(stage) = parse_stage(line) {
        return Some(stage.at);
    }
    let (time, _) = line.strip_prefix('[')?.split_once(']')?;
    time.trim().parse().ok().filter(|time: &f64| time.is_finite() && *time >= 0.0)
}

/// A line of the console that says why the guest may not come up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, without control characters.
    pub line: String,
    /// Whether nothing good can follow.
    pub fatal: bool,
}

/// What the kernel, or the script before PID 1, says when the guest cannot go on.
const FATAL: &[&str] =
    &["Kernel panic - not syncing", "timeout, aborting", "cove-init: cannot go on: ", NO_CONFIG];
/// What an image that is older than this build says: without its keys nobody gets in.
const NO_CONFIG: &str = "cove-init: no configuration from the host";
/// What the guest's PID 1 says of a folder of the host that it could not mount.
pub(crate) const SHARED_FOLDER: &str = "the shared folder is missing";
/// What may explain a guest that does not answer, but does not keep it from answering.
const SERIOUS: &[&str] =
    &["I/O error", "EXT4-fs error", "Out of memory: Killed process", "blocked for more than", SHARED_FOLDER];

/// Whether a line of the console reports a fault.
#[must_use]
pub fn fault(line: &str) -> Option<Fault> {
    let says = |list: &[&str]| list.iter().any(|text| line.contains(text));
    let fatal = says(FATAL);
    (fatal || says(SERIOUS)).then(|| Fault { line: tail(line, 1), fatal })
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

    /// The console of a guest whose NVMe disk lost a request, as QEMU 7.2 gave it.
    const LOST_REQUEST: &str = "[    2.478] EXT4-fs (nvme0n1): mounted filesystem with ordered data mode.\r\n\
        cove-init: stage init 2.478\r\n\
        [   33.024] nvme nvme0: I/O 192 (I/O Cmd) QID 1 timeout, aborting\r\n\
        [   63.744] nvme nvme0: I/O 192 QID 1 timeout, reset controller\r\n\
        [   94.464] I/O error, dev nvme0n1, sector 524456 op 0x0:(READ) flags 0x80700 phys_seg 4 prio class 2\r\n\
        [   94.465] EXT4-fs error (device nvme0n1): __ext4_find_entry:1663: inode #61: comm cove-init: reading\r\n";

    #[test]
    fn faults_are_seen_in_a_recorded_console() {
        let found: Vec<Fault> = LOST_REQUEST.lines().filter_map(fault).collect();
        let fatal: Vec<bool> = found.iter().map(|fault| fault.fatal).collect();
        assert_eq!(fatal, [true, false, false]);
        assert_eq!(found[0].line, "[   33.024] nvme nvme0: I/O 192 (I/O Cmd) QID 1 timeout, aborting");
        for (line, fatal) in [
            (
                "[    2.9] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
                true,
            ),
            ("cove-init: cannot go on: the disk /dev/vda did not appear", true),
            ("cove-init: no configuration from the host: its version 3 is not 1: rebuild the image", true),
            ("\u{1b}[1m[    9.1] Out of memory: Killed process 77 (cove)", false),
        ] {
            let fault = fault(line).unwrap();
            assert_eq!(fault.fatal, fatal, "{line}");
            assert!(!fault.line.contains('\u{1b}'));
        }
        for line in ["cove-init: stage engine 4.9", "[ 0.5] APIC calibration not consistent", ""] {
            assert_eq!(fault(line), None);
        }
    }

    #[test]
    fn times_of_lines() {
        assert_eq!(uptime("[   12.500] nvme"), Some(12.5));
        assert_eq!(uptime("cove-init: stage ssh 1.9"), Some(1.9));
        for line in ["", "text", "[x] text", "[-1] text", "[inf] text", "[   12.5"] {
            assert_eq!(uptime(line), None, "{line}");
        }
    }

    #[test]
    fn tail_has_no_control_characters() {
        assert_eq!(tail("a\n\u{1b}[31mb\r\n\nc\n", 2), "[31mb\nc");
    }
}
