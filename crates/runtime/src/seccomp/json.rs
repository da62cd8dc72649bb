//! Profiles as users write them: Docker's and Podman's JSON.

use std::collections::BTreeMap;

use oci_spec::runtime::Arch;
use serde::Deserialize;

use super::profile::{Action, Argument, Profile, Rule};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    default_action: String,
    default_errno_ret: Option<u32>,
    #[serde(default)]
    default_errno: String,
    #[serde(default)]
    architectures: Vec<String>,
    #[serde(default)]
    arch_map: Vec<ArchMap>,
    #[serde(default)]
    syscalls: Vec<Syscall>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    listener_path: String,
    #[serde(default)]
    listener_metadata: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchMap {
    architecture: String,
    #[serde(default, deserialize_with = "nullable")]
    sub_architectures: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Syscall {
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    names: Vec<String>,
    action: String,
    #[serde(default, deserialize_with = "nullable")]
    args: Vec<Arg>,
    #[serde(default, deserialize_with = "nullable")]
    includes: Filter,
    #[serde(default, deserialize_with = "nullable")]
    excludes: Filter,
    errno_ret: Option<u32>,
    #[serde(default)]
    errno: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arg {
    index: usize,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: String,
}

#[derive(Default, Deserialize)]
struct Filter {
    #[serde(default, deserialize_with = "nullable")]
    arches: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    caps: Vec<String>,
    /// Docker's condition on the kernel's version; kernels that run containers today meet it.
    #[serde(default, rename = "minKernel")]
    _min_kernel: String,
}

/// `null` where a list or object is expected.
fn nullable<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

pub(super) fn parse(text: &[u8]) -> Result<Profile, String> {
    let file: File = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    if !file.architectures.is_empty() && !file.arch_map.is_empty() {
        return Err("architectures and archMap cannot be used together".to_owned());
    }
    let default = match file.default_action.as_str() {
        "" if file.syscalls.is_empty() => None,
        "" => return Err("defaultAction is missing".to_owned()),
        name => Some(action(name, file.default_errno_ret, &file.default_errno)?),
    };
    let arch = |name: &String| name.parse::<Arch>().map_err(|_| format!("unknown architecture {name:?}"));
    let mut architectures =
        vec![(String::new(), file.architectures.iter().map(arch).collect::<Result<_, _>>()?)];
    for map in file.arch_map {
        let names = std::iter::once(&map.architecture).chain(&map.sub_architectures);
        let names = names.map(arch).collect::<Result<_, _>>()?;
        architectures.push((go_name(&map.architecture).to_owned(), names));
    }
    let flag = |name: String| name.parse().map_err(|_| format!("unknown flag {name:?}"));
    let flags = file.flags.into_iter().map(flag).collect::<Result<_, _>>()?;
    let rules = file.syscalls.into_iter().map(rule).collect::<Result<_, _>>()?;
    let listener = (!file.listener_path.is_empty()).then_some((file.listener_path, file.listener_metadata));
    Ok(Profile { default, rules, flags, architectures, listener })
}

fn rule(call: Syscall) -> Result<Rule, String> {
    let names = match (call.name.is_empty(), call.names.is_empty()) {
        (true, _) => call.names,
        (false, true) => vec![call.name],
        (false, false) => return Err("name and names cannot be used together".to_owned()),
    };
    let arguments = call.args.into_iter().map(|a| {
        let operator = a.op.parse().ok().filter(|_| a.index <= 5);
        let operator = operator.ok_or_else(|| format!("bad condition on argument {}: {}", a.index, a.op))?;
        Ok::<_, String>(Argument { index: a.index, value: a.value, value_two: a.value_two, operator })
    });
    Ok(Rule {
        action: action(&call.action, call.errno_ret, &call.errno)?,
        names,
        arguments: arguments.collect::<Result<_, _>>()?,
        architectures: call.includes.arches,
        not_architectures: call.excludes.arches,
        capabilities: call.includes.caps,
        not_capabilities: call.excludes.caps,
    })
}

fn action(name: &str, number: Option<u32>, text: &str) -> Result<Action, String> {
    let kind = name.parse().map_err(|_| format!("unknown action {name:?}"))?;
    let errno = if text.is_empty() {
        number
    } else {
        let known: BTreeMap<&str, i32> = ERRNOS.into_iter().collect();
        let value = text.parse().ok().or_else(|| known.get(text).map(|n| *n as u32));
        Some(value.ok_or_else(|| format!("unknown error {text:?}"))?)
    };
    Ok(Action { kind, errno })
}

const ERRNOS: [(&str, i32); 16] = [
    ("EPERM", libc::EPERM),
    ("ENOENT", libc::ENOENT),
    ("EINTR", libc::EINTR),
    ("EIO", libc::EIO),
    ("EBADF", libc::EBADF),
    ("EAGAIN", libc::EAGAIN),
    ("ENOMEM", libc::ENOMEM),
    ("EACCES", libc::EACCES),
    ("EFAULT", libc::EFAULT),
    ("EBUSY", libc::EBUSY),
    ("ENODEV", libc::ENODEV),
    ("EINVAL", libc::EINVAL),
    ("ENOSPC", libc::ENOSPC),
    ("ENOSYS", libc::ENOSYS),
    ("EOPNOTSUPP", libc::EOPNOTSUPP),
    ("ENOTSUP", libc::ENOTSUP),
];

fn go_name(architecture: &str) -> &str {
    match architecture {
        "SCMP_ARCH_X86_64" => "amd64",
        "SCMP_ARCH_AARCH64" => "arm64",
        "SCMP_ARCH_PPC64LE" => "ppc64le",
        "SCMP_ARCH_S390X" => "s390x",
        "SCMP_ARCH_RISCV64" => "riscv64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_and_podmans_format() {
        let text = br#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"ENOSYS",
            "archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
            "syscalls":[
              {"names":["read"],"action":"SCMP_ACT_ALLOW","args":null,"includes":{},"excludes":null},
              {"name":"mount","action":"SCMP_ACT_ERRNO","errnoRet":1,"excludes":{"caps":["CAP_SYS_ADMIN"]}},
              {"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"op":"SCMP_CMP_MASKED_EQ"}],
               "includes":{"arches":["arm64"],"minKernel":"4.8"}}]}"#;
        let oci = parse(text).unwrap().to_oci("amd64", &Default::default()).unwrap().unwrap();
        assert_eq!(oci.default_errno_ret(), Some(38));
        assert_eq!(oci.architectures().as_deref(), Some(&[Arch::ScmpArchX86_64, Arch::ScmpArchX86][..]));
        assert_eq!(oci.syscalls().as_ref().map(Vec::len), Some(2));
        assert!(parse(b"{}").unwrap().to_oci("amd64", &Default::default()).unwrap().is_none());
        for bad in [
            r#"{"defaultAction":"SCMP_ACT_FOO"}"#,
            r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_ALLOW"}]}"#,
            r#"{"defaultAction":"SCMP_ACT_ALLOW","defaultErrno":"EFOO"}"#,
            r#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["FOO"]}"#,
            r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_Z80"]}"#,
            r#"{"syscalls":[{"name":"a","action":"SCMP_ACT_ALLOW"}]}"#,
            "[",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_installed_profile_of_the_distribution() {
        if !cove_test_support::met(&[cove_test_support::Need::Profile]) {
            return;
        }
        let text = cove_sys::fs::read("/usr/share/containers/seccomp.json").unwrap();
        assert!(parse(&text).unwrap().rules.len() > 10);
    }
}
