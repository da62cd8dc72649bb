//! What a container may do, see and use, from the request and containers.conf(5).

use cove_api::{CdiName, ContainerSpec, Error, Result, Rlimit, StringMap};
use cove_config::{ContainersConf, TextList};
use cove_runtime::apparmor::DEFAULT_PROFILE;
use cove_runtime::oci::{
    CapabilityRules, CgroupPlacement, CpuLimits, Limits, MemoryLimits, RootAccess, Seccomp, Security,
    Settings, capabilities,
};

use crate::state::ImageFacts;

/// The label of an image that holds its system call filter.
const SECCOMP_LABEL: &str = "io.containers.seccomp.profile";

/// Everything of a request that is fixed from the creation on and needs no other container.
pub(super) fn settings(spec: &ContainerSpec, image: &ImageFacts, conf: &ContainersConf) -> Result<Settings> {
    let built_in = Settings::default();
    let (security, limits) = (security(spec, image, conf)?, limits(spec, conf)?);
    let conf = &conf.containers;
    let umask = if spec.umask.is_empty() { conf.umask.as_deref().unwrap_or_default() } else { &spec.umask };
    Ok(Settings {
        terminal: spec.terminal == Some(true),
        umask: if umask.is_empty() { built_in.umask } else { parse_umask(umask)? },
        security,
        limits,
        devices: paths(spec).map(|path| Ok(path.parse()?)).collect::<Result<_>>()?,
        cdi_devices: all_devices(spec).filter(|name| CdiName::is(name)).map(str::to_owned).collect(),
        gpus: spec.gpus.clone(),
        device_rules: spec.device_cgroup_rule.clone(),
        personality: spec.personality.clone(),
        intel_rdt: spec.intel_rdt.clone(),
        systemd: None,
        sysctls: spec.sysctl.clone(),
        default_sysctls: match &conf.default_sysctls {
            Some(list) => assignments(list),
            None => built_in.default_sysctls,
        },
        annotations: spec.annotations.clone(),
        root: RootAccess {
            read_only: spec.read_only_filesystem.or(conf.read_only) == Some(true),
            scratch: spec.read_write_tmpfs != Some(false),
        },
        shm_size: match (spec.shm_size, &conf.shm_size) {
            (Some(size), _) => size,
            (None, Some(size)) => byte_size(size.as_str())?,
            (None, None) => built_in.shm_size,
        },
        cgroup: CgroupPlacement {
            own: spec.cgroups_mode != "disabled",
            parent: Some(spec.cgroup_parent.clone()).filter(|parent| !parent.is_empty()),
            split: spec.cgroups_mode == "split",
        },
        keep_groups: spec.groups.iter().any(|group| group == "keep-groups"),
    })
}

fn all_devices(spec: &ContainerSpec) -> impl Iterator<Item = &str> {
    spec.devices.iter().map(|device| device.path.as_str())
}

/// The devices that are given by their paths.
fn paths(spec: &ContainerSpec) -> impl Iterator<Item = &str> {
    all_devices(spec).filter(|path| !CdiName::is(path))
}

fn security(spec: &ContainerSpec, image: &ImageFacts, conf: &ContainersConf) -> Result<Security> {
    let privileged = spec.privileged == Some(true);
    let configured = conf.containers.seccomp_profile.as_ref().filter(|path| !path.is_empty() && !privileged);
    let of_image = match spec.seccomp_policy.as_str() {
        "" | "default" => None,
        "image" => image.config.labels.get(SECCOMP_LABEL).filter(|text| !text.is_empty()),
        other => {
            return Err(Error::invalid(format!(
                "invalid seccomp policy {other:?}: valid policies are [\"default\" \"image\"]"
            )));
        }
    };
    let seccomp = match (spec.seccomp_profile_path.as_str(), configured) {
        _ if of_image.is_some() => Seccomp::Text(of_image.cloned().unwrap_or_default()),
        ("unconfined", _) => Seccomp::Unconfined,
        ("" | "default", None) => Seccomp::BuiltIn,
        ("" | "default", Some(path)) => Seccomp::Profile(path.into()),
        (path, _) => Seccomp::Profile(path.into()),
    };
    let capabilities = CapabilityRules {
        base: match &conf.containers.default_capabilities {
            Some(list) => list.values.clone(),
            None => CapabilityRules::default().base,
        },
        add: spec.cap_add.clone(),
        drop: spec.cap_drop.clone(),
    };
    // Unknown names are refused now, not at the start.
    capabilities::bounding(false, &capabilities, &capabilities::from_mask(u64::MAX))?;
    Ok(Security {
        privileged,
        no_new_privileges: spec.no_new_privileges == Some(true),
        capabilities,
        seccomp,
        apparmor: apparmor(spec, conf),
        mask: spec.mask.clone(),
        unmask: spec.unmask.clone(),
        proc_options: spec.proc_opts.clone(),
    })
}

/// The AppArmor profile that is wanted: the container's own, else, unless it is privileged, that of the configuration.
fn apparmor(spec: &ContainerSpec, conf: &ContainersConf) -> Option<String> {
    let name = match spec.apparmor_profile.as_str() {
        "" if spec.privileged == Some(true) => return None,
        "" => conf.containers.apparmor_profile.as_deref().unwrap_or_default(),
        own => own,
    };
    match name {
        "unconfined" => None,
        // The latter is what containers.conf(5) calls an engine's own.
        "" | "container-default" => Some(DEFAULT_PROFILE.to_owned()),
        other => Some(other.to_owned()),
    }
}

/// The limits of a request.
pub(crate) fn limits(spec: &ContainerSpec, conf: &ContainersConf) -> Result<Limits> {
    let built_in = Limits::default();
    let wanted = spec.resource_limits.clone().unwrap_or_default();
    let memory = wanted.memory.unwrap_or_default();
    let cpu = wanted.cpu.unwrap_or_default();
    let default_rlimits: Vec<Rlimit> = match &conf.containers.default_ulimits {
        Some(list) => cove_spec::resource::ulimits(list.values.iter().map(String::as_str))?,
        None => built_in.default_rlimits,
    };
    Ok(Limits {
        rlimits: spec.r_limits.clone(),
        default_rlimits,
        memory: MemoryLimits {
            limit: memory.limit,
            reservation: memory.reservation,
            swap: memory.swap,
            swappiness: memory.swappiness,
            disable_oom_killer: memory.disable_oom_killer,
        },
        cpu: CpuLimits {
            shares: cpu.shares,
            quota: cpu.quota,
            period: cpu.period,
            realtime_runtime: cpu.realtime_runtime.filter(|time| *time != 0),
            realtime_period: cpu.realtime_period.filter(|time| *time != 0),
            cpus: cpu.cpus,
            mems: cpu.mems,
        },
        block_io: wanted.block_io.unwrap_or_default(),
        unified: spec.unified.clone(),
        pids: wanted.pids.map(|pids| pids.limit),
        default_pids: conf.containers.pids_limit.unwrap_or(built_in.default_pids),
        oom_score_adj: match (spec.oom_score_adj, conf.containers.oom_score_adj) {
            (None, Some(configured)) => Some(
                i32::try_from(configured).ok().filter(|score| (-1000..=1000).contains(score)).ok_or_else(
                    || {
                        Error::invalid(format!(
                            "containers.conf: oom_score_adj {configured} is not between -1000 and 1000"
                        ))
                    },
                )?,
            ),
            (asked, _) => asked,
        },
    })
}

/// `NAME=VALUE` entries; others are left out, as podman does.
fn assignments(list: &TextList) -> StringMap {
    let pairs = list.values.iter().filter_map(|entry| entry.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

fn parse_umask(text: &str) -> Result<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777).ok_or_else(|| {
        Error::invalid(format!("invalid umask {text:?}: up to four octal digits are expected"))
    })
}

/// `65536k`, `1g`, `4096`; podman reads a "k" of this key as 1,000 bytes.
fn byte_size(text: &str) -> Result<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &lower[digits.len()..] {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(Error::invalid(format!("containers.conf: shm_size {text:?} is not a size"))),
    };
    digits
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| Error::invalid(format!("containers.conf: shm_size {text:?} is not a size")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_values_are_parsed() {
        assert_eq!(byte_size("65536k").unwrap(), 65_536_000);
        assert_eq!(byte_size("1GiB").unwrap(), 1 << 30);
        assert!(byte_size("x").is_err() && byte_size("1q").is_err());
    }

    #[test]
    fn what_nobody_asked_for_is_the_default() {
        let image = ImageFacts::default();
        let settings = settings(&ContainerSpec::default(), &image, &ContainersConf::default()).unwrap();
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn whose_apparmor_profile() {
        let mut conf = ContainersConf::built_in();
        let of = |profile: &str, privileged: bool, conf: &ContainersConf| {
            let spec = ContainerSpec {
                apparmor_profile: profile.into(),
                privileged: Some(privileged),
                ..ContainerSpec::default()
            };
            apparmor(&spec, conf).unwrap_or_default()
        };
        assert_eq!(of("", false, &conf), DEFAULT_PROFILE);
        assert_eq!((of("", true, &conf), of("unconfined", false, &conf)), Default::default());
        assert_eq!((of("mine", false, &conf), of("mine", true, &conf)), ("mine".into(), "mine".into()));
        for (configured, effective) in [
            ("container-default", DEFAULT_PROFILE),
            ("", DEFAULT_PROFILE),
            ("unconfined", ""),
            ("site", "site"),
        ] {
            conf.containers.apparmor_profile = Some(configured.into());
            assert_eq!(of("", false, &conf), effective, "{configured}");
        }
    }

    #[test]
    fn requests_are_typed() {
        let conf = ContainersConf::built_in();
        let mut image = ImageFacts::default();
        image.config.labels.insert(SECCOMP_LABEL.into(), "{}".into());
        let resolved = |spec: ContainerSpec| settings(&spec, &image, &conf);
        let good = resolved(ContainerSpec {
            umask: "0027".into(),
            cap_add: vec!["NET_RAW".into()],
            seccomp_profile_path: "unconfined".into(),
            cgroups_mode: "disabled".into(),
            ..ContainerSpec::default()
        })
        .unwrap();
        assert_eq!((good.umask, good.cgroup.own), (0o27, false));
        assert_eq!(good.security.seccomp, Seccomp::Unconfined);
        let of_image = ContainerSpec { seccomp_policy: "image".into(), ..ContainerSpec::default() };
        assert_eq!(resolved(of_image).unwrap().security.seccomp, Seccomp::Text("{}".into()));
        for bad in [
            ContainerSpec { umask: "9".into(), ..ContainerSpec::default() },
            ContainerSpec { seccomp_policy: "mine".into(), ..ContainerSpec::default() },
            ContainerSpec { cap_add: vec!["nonsense".into()], ..ContainerSpec::default() },
            ContainerSpec {
                devices: vec![cove_api::Device { path: "null".into(), ..Default::default() }],
                ..ContainerSpec::default()
            },
        ] {
            assert!(resolved(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
