//! Profiles as users write them: Docker's and Podman's JSON.

use std::collections::BTreeMap;

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
    index: u32,
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

const ACTIONS: [&str; 9] = [
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
];

const OPERATORS: [&str; 7] = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];

pub(super) fn parse(text: &[u8]) -> Result<Profile, String> {
    let file: File = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    if !file.architectures.is_empty() && !file.arch_map.is_empty() {
        return Err("architectures and archMap cannot be used together".to_owned());
    }
    let default = if file.default_action.is_empty() {
        Action { name: String::new(), errno: None }
    } else {
        action(&file.default_action, file.default_errno_ret, &file.default_errno)?
    };
    let mut architectures = vec![(String::new(), file.architectures)];
    architectures.extend(file.arch_map.into_iter().map(|map| {
        let native = go_name(&map.architecture).to_owned();
        (native, std::iter::once(map.architecture).chain(map.sub_architectures).collect())
    }));
    let rules = file.syscalls.into_iter().map(rule).collect::<Result<_, _>>()?;
    let listener = (!file.listener_path.is_empty()).then_some((file.listener_path, file.listener_metadata));
    Ok(Profile { default, rules, flags: file.flags, architectures, listener })
}

fn rule(call: Syscall) -> Result<Rule, String> {
    let names = match (call.name.is_empty(), call.names.is_empty()) {
        (true, _) => call.names,
        (false, true) => vec![call.name],
        (false, false) => return Err("name and names cannot be used together".to_owned()),
    };
    let arguments = call.args.into_iter().map(|a| {
        if a.index > 5 || !a.op.strip_prefix("SCMP_CMP_").is_some_and(|op| OPERATORS.contains(&op)) {
            return Err(format!("bad condition on argument {}: {}", a.index, a.op));
        }
        Ok(Argument { index: a.index, value: a.value, value_two: a.value_two, operator: a.op })
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
    if !ACTIONS.contains(&name) {
        return Err(format!("unknown action {name:?}"));
    }
    let errno = if text.is_empty() {
        number
    } else {
        let known: BTreeMap<&str, i32> = ERRNOS.into_iter().collect();
        let value = text.parse().ok().or_else(|| known.get(text).map(|n| *n as u32));
        Some(value.ok_or_else(|| format!("unknown error {text:?}"))?)
    };
    Ok(Action { name: name.to_owned(), errno })
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
        let oci = parse(text).unwrap().to_oci("amd64", &Default::default()).unwrap();
        assert_eq!(oci["defaultErrnoRet"], 38);
        assert_eq!(oci["architectures"], serde_json::json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]));
        assert_eq!(oci["syscalls"].as_array().unwrap().len(), 2);
        assert!(parse(b"{}").unwrap().to_oci("amd64", &Default::default()).is_none());
        for bad in [
            r#"{"defaultAction":"SCMP_ACT_FOO"}"#,
            r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_ALLOW"}]}"#,
            r#"{"defaultAction":"SCMP_ACT_ALLOW","defaultErrno":"EFOO"}"#,
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
