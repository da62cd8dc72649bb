//! What must be known of the machine and of this process to write a configuration that works here.

use cove_sys::fs;
use oci_spec::runtime::PosixRlimitType;

use crate::apparmor::DEFAULT_PROFILE;

use super::capabilities::{CapabilitySet, bounding_set, status_mask};

/// Facts about the machine and this process.
#[derive(Clone, Debug)]
pub struct HostFacts {
    /// The engine runs as an ordinary user, in a user namespace.
    pub rootless: bool,
    /// All capabilities that a container can be given.
    pub bounding: CapabilitySet,
    /// Hard limits of this process; limits without an entry are not known.
    pub hard_limits: Vec<(PosixRlimitType, u64)>,
    /// Hard limits can be raised (CAP_SYS_RESOURCE in the first user namespace).
    pub may_raise_limits: bool,
    /// How many group ids are mapped from 0 on.
    pub mapped_groups: u64,
    /// The host has `/dev/mqueue`.
    pub mqueue: bool,
    /// AppArmor is enabled.
    pub apparmor: bool,
    /// [`DEFAULT_PROFILE`] can be loaded.
    pub default_apparmor: bool,
    /// Architecture in Go's naming (`amd64`, `arm64`), as seccomp profiles use it.
    pub architecture: &'static str,
}

/// Resource limits and their numbers (getrlimit(2)).
const LIMITS: [(PosixRlimitType, libc::__rlimit_resource_t); 16] = [
    (PosixRlimitType::RlimitAs, libc::RLIMIT_AS),
    (PosixRlimitType::RlimitCore, libc::RLIMIT_CORE),
    (PosixRlimitType::RlimitCpu, libc::RLIMIT_CPU),
    (PosixRlimitType::RlimitData, libc::RLIMIT_DATA),
    (PosixRlimitType::RlimitFsize, libc::RLIMIT_FSIZE),
    (PosixRlimitType::RlimitLocks, libc::RLIMIT_LOCKS),
    (PosixRlimitType::RlimitMemlock, libc::RLIMIT_MEMLOCK),
    (PosixRlimitType::RlimitMsgqueue, libc::RLIMIT_MSGQUEUE),
    (PosixRlimitType::RlimitNice, libc::RLIMIT_NICE),
    (PosixRlimitType::RlimitNofile, libc::RLIMIT_NOFILE),
    (PosixRlimitType::RlimitNproc, libc::RLIMIT_NPROC),
    (PosixRlimitType::RlimitRss, libc::RLIMIT_RSS),
    (PosixRlimitType::RlimitRtprio, libc::RLIMIT_RTPRIO),
    (PosixRlimitType::RlimitRttime, libc::RLIMIT_RTTIME),
    (PosixRlimitType::RlimitSigpending, libc::RLIMIT_SIGPENDING),
    (PosixRlimitType::RlimitStack, libc::RLIMIT_STACK),
];

impl HostFacts {
    /// Reads them; takes some 50 µs.
    #[must_use]
    pub fn read(rootless: bool) -> Self {
        let effective = status_mask("CapEff:").unwrap_or(0);
        let sys_resource = effective >> 24 & 1 == 1;
        let first_namespace = fs::read_to_string("/proc/self/uid_map")
            .is_ok_and(|map| map.split_ascii_whitespace().eq(["0", "0", "4294967295"]));
        let apparmor = fs::read_to_string("/sys/module/apparmor/parameters/enabled")
            .is_ok_and(|text| text.trim() == "Y");
        Self {
            rootless,
            bounding: bounding_set(),
            hard_limits: LIMITS.iter().filter_map(|(kind, n)| Some((*kind, hard_limit(*n)?))).collect(),
            may_raise_limits: sys_resource && first_namespace,
            mapped_groups: mapped_from_zero(&fs::read_to_string("/proc/self/gid_map").unwrap_or_default()),
            mqueue: std::path::Path::new("/dev/mqueue").is_dir(),
            apparmor,
            default_apparmor: apparmor && !rootless && crate::apparmor::parser().is_some(),
            architecture: architecture(),
        }
    }

    /// The AppArmor profile that a container gets for which this one is wanted: none where the default one is wanted on
    /// a machine that cannot have it.
    #[must_use]
    pub fn apparmor_profile<'a>(&self, wanted: Option<&'a str>) -> Option<&'a str> {
        wanted.filter(|name| if *name == DEFAULT_PROFILE { self.default_apparmor } else { self.apparmor })
    }
}

fn hard_limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit fills the struct it is given.
    (unsafe { libc::getrlimit(resource, &raw mut limit) } == 0).then_some(limit.rlim_max)
}

/// How many ids from 0 on an id map covers without a gap.
fn mapped_from_zero(map: &str) -> u64 {
    let mut ranges: Vec<(u64, u64)> = map
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace().map(str::parse::<u64>);
            let first = fields.next()?.ok()?;
            let length = fields.nth(1)?.ok()?;
            Some((first, length))
        })
        .collect();
    ranges.sort_unstable();
    ranges.iter().fold(0, |end, (first, length)| if *first <= end { end.max(first + length) } else { end })
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        "x86" => "386",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps() {
        assert_eq!(
            mapped_from_zero("         0       1000          1\n         1     100000      65536\n"),
            65537
        );
        assert_eq!(mapped_from_zero("0 1000 1\n"), 1);
        assert_eq!(mapped_from_zero("5 1000 10\n"), 0);
        assert_eq!(mapped_from_zero(""), 0);
    }

    #[test]
    fn this_process() {
        let facts = HostFacts::read(false);
        assert!(
            facts
                .hard_limits
                .iter()
                .any(|(name, limit)| *name == PosixRlimitType::RlimitNofile && *limit > 0)
        );
    }
}
