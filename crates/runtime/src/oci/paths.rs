//! Paths of `/proc` and `/sys` that a container must not read or change.

use super::settings::Security;
use crate::error::{Error, Result};

/// Nothing can be read there.
const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
];

/// Nothing can be written there.
const READ_ONLY: [&str; 6] =
    ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Masked and read-only paths for a container, by `--security-opt mask=` and `unmask=`.
///
/// `thermal` are the host's `/sys/devices/system/cpu/cpu*/thermal_throttle`; `host_sys` says that `/sys` is the host's.
pub(crate) fn masks(security: &Security, thermal: &[String], host_sys: bool) -> (Vec<String>, Vec<String>) {
    let mut masked = Vec::new();
    let mut read_only = Vec::new();
    if !security.privileged {
        let unmask: Vec<&str> = security.unmask.iter().flat_map(|entry| entry.split(':')).collect();
        let all = unmask.iter().any(|u| u.eq_ignore_ascii_case("ALL"));
        let keep = |path: &&str| !all && !unmask.iter().any(|pattern| matches(pattern, path));
        let kernel = host_sys.then_some("/sys/kernel");
        let paths = MASKED.into_iter().chain(kernel).chain(thermal.iter().map(String::as_str));
        masked.extend(paths.filter(keep).map(str::to_owned));
        read_only.extend(READ_ONLY.into_iter().filter(keep).map(str::to_owned));
    }
    for path in security.mask.iter().flat_map(|entry| entry.split(':')).filter(|p| !p.is_empty()) {
        if !masked.iter().any(|m| m == path) {
            masked.push(path.to_owned());
        }
    }
    (masked, read_only)
}

/// Refuses working directories that are not absolute, or that lead through a process's directory in `/proc`: a descriptor
/// of the runtime must never become the working directory (CVE-2024-21626).
pub(crate) fn check_working_directory(path: &str) -> Result<()> {
    let bad = |why: &str| Err(Error::invalid(format!("working directory {path:?}"), why));
    if !path.starts_with('/') || path.contains('\0') {
        return bad("cwd must be an absolute path");
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
        if let ["proc", process, ..] = parts[..]
            && (matches!(process, "self" | "thread-self") || process.bytes().all(|b| b.is_ascii_digit()))
        {
            return bad("it is a process's directory in /proc");
        }
    }
    Ok(())
}

/// Whether `path` equals a pattern whose components may hold `*`.
fn matches(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_end_matches('/');
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len() && pattern.iter().zip(&path).all(|(p, c)| component_matches(p, c))
}

fn component_matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(tail) = text.strip_prefix(start) else { return false };
    (0..=tail.len()).filter(|i| tail.is_char_boundary(*i)).any(|i| component_matches(rest, &tail[i..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_directories() {
        for path in ["/", "/proc", "/proc/sys", "/a/../b", "/srv/proc/self"] {
            assert!(check_working_directory(path).is_ok(), "{path}");
        }
        for path in [
            "",
            "a",
            "/proc/self/fd/8",
            "/x/../proc/./self",
            "//proc//1/cwd",
            "/proc/thread-self",
            "/proc/7/../../x",
        ] {
            assert!(check_working_directory(path).is_err(), "{path}");
        }
    }

    #[test]
    fn unmasking() {
        let mut spec = Security::default();
        let (masked, read_only) = masks(&spec, &[], false);
        assert_eq!((masked.len(), read_only.len()), (12, 6));
        spec.unmask = vec!["/proc/acpi:/proc/s*".to_owned()];
        spec.mask = vec!["/extra:/proc/kcore".to_owned()];
        let (masked, read_only) = masks(&spec, &[], true);
        assert!(!masked.iter().any(|m| m.starts_with("/proc/s") || m == "/proc/acpi"));
        assert!(masked.iter().any(|m| m == "/extra") && masked.iter().any(|m| m == "/sys/kernel"));
        assert_eq!(masked.iter().filter(|m| *m == "/proc/kcore").count(), 1);
        assert_eq!(read_only, ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq"]);
        spec.unmask = vec!["ALL".to_owned()];
        assert_eq!(
            masks(&spec, &[], true),
            (vec!["/extra".to_owned(), "/proc/kcore".to_owned()], Vec::new())
        );
        let privileged = Security { privileged: true, ..Security::default() };
        assert_eq!(masks(&privileged, &[], true), (Vec::new(), Vec::new()));
    }
}
