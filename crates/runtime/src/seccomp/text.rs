//! The compact text form of the built-in profile, described in its own head.

use oci_spec::runtime::{Arch, LinuxSeccompAction, LinuxSeccompOperator};

use super::profile::{Action, Argument, Profile, Rule};

/// ENOSYS: what a kernel without the call would answer.
const ENOSYS: u32 = libc::ENOSYS as u32;

pub(super) fn parse(text: &str) -> Result<Profile, String> {
    let mut rules: Vec<Rule> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with(' ') {
            let rule = rules.last_mut().ok_or_else(|| format!("line {number}: nothing to go on with"))?;
            rule.names.extend(line.split_ascii_whitespace().map(str::to_owned));
            continue;
        }
        let (head, names) = line.split_once(':').ok_or_else(|| format!("line {number}: no colon"))?;
        let mut rule = parse_head(head).map_err(|why| format!("line {number}: {why}"))?;
        rule.names = names.split_ascii_whitespace().map(str::to_owned).collect();
        rules.push(rule);
    }
    let default = Some(Action { kind: LinuxSeccompAction::ScmpActErrno, errno: Some(ENOSYS) });
    let architectures = vec![
        ("amd64".to_owned(), vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32]),
        ("arm64".to_owned(), vec![Arch::ScmpArchAarch64, Arch::ScmpArchArm]),
    ];
    Ok(Profile { default, rules, flags: Vec::new(), architectures, listener: None })
}

fn parse_head(head: &str) -> Result<Rule, String> {
    let mut words = head.split_ascii_whitespace();
    let action = match words.next() {
        Some("allow") => Action { kind: LinuxSeccompAction::ScmpActAllow, errno: None },
        Some("deny") => {
            let errno = match words.next() {
                Some("EPERM") => libc::EPERM,
                Some("EINVAL") => libc::EINVAL,
                other => return Err(format!("unknown error {other:?}")),
            };
            Action { kind: LinuxSeccompAction::ScmpActErrno, errno: Some(errno as u32) }
        }
        other => return Err(format!("unknown action {other:?}")),
    };
    let mut rule = Rule {
        names: Vec::new(),
        action,
        arguments: Vec::new(),
        architectures: Vec::new(),
        not_architectures: Vec::new(),
        capabilities: Vec::new(),
        not_capabilities: Vec::new(),
    };
    let capabilities = |list: &str| list.split(',').map(|name| format!("CAP_{name}")).collect();
    for word in words {
        if let Some(list) = word.strip_prefix("arch=") {
            rule.architectures = list.split(',').map(str::to_owned).collect();
        } else if let Some(list) = word.strip_prefix("cap=") {
            rule.capabilities = capabilities(list);
        } else if let Some(list) = word.strip_prefix("uncap=") {
            rule.not_capabilities = capabilities(list);
        } else if let Some(condition) = word.strip_prefix("arg") {
            rule.arguments.push(parse_argument(condition).ok_or_else(|| format!("bad condition {word:?}"))?);
        } else {
            return Err(format!("unknown condition {word:?}"));
        }
    }
    Ok(rule)
}

fn parse_argument(text: &str) -> Option<Argument> {
    let (index, value, operator) = match text.split_once("==") {
        Some((index, value)) => (index, value, LinuxSeccompOperator::ScmpCmpEq),
        None => {
            text.split_once("!=").map(|(index, value)| (index, value, LinuxSeccompOperator::ScmpCmpNe))?
        }
    };
    Some(Argument { index: index.parse().ok()?, value: value.parse().ok()?, value_two: 0, operator })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::capabilities::{CapabilitySet, from_mask};

    fn calls(bounding: &CapabilitySet, action: LinuxSeccompAction) -> Vec<String> {
        let oci = Profile::built_in().unwrap().to_oci("amd64", bounding).unwrap().unwrap();
        let matching = oci.syscalls().iter().flatten().filter(|call| call.action() == action);
        matching.flat_map(|call| call.names().clone()).collect()
    }

    #[test]
    fn default_profile() {
        let base: CapabilitySet = cove_api::DEFAULT_CAPABILITIES.into_iter().collect();
        let (allow, deny) =
            (calls(&base, LinuxSeccompAction::ScmpActAllow), calls(&base, LinuxSeccompAction::ScmpActErrno));
        for name in ["read", "clone3", "chroot", "mount", "keyctl", "arch_prctl", "personality", "socket"] {
            assert!(allow.iter().any(|n| n == name), "{name}");
        }
        for name in ["kexec_load", "open_by_handle_at", "bpf", "vhangup", "userfaultfd", "kcmp"] {
            assert!(deny.iter().any(|n| n == name) && !allow.iter().any(|n| n == name), "{name}");
        }
        for name in ["add_key", "request_key", "io_uring_setup"] {
            assert!(!deny.iter().any(|n| n == name) && !allow.iter().any(|n| n == name), "{name}");
        }
        let all = from_mask((1 << 41) - 1);
        let allow = calls(&all, LinuxSeccompAction::ScmpActAllow);
        assert!(allow.iter().any(|n| n == "bpf") && allow.iter().any(|n| n == "open_by_handle_at"));
        let oci = Profile::built_in().unwrap().to_oci("arm64", &base).unwrap().unwrap();
        assert_eq!(oci.architectures().as_deref(), Some(&[Arch::ScmpArchAarch64, Arch::ScmpArchArm][..]));
        assert_eq!(oci.default_errno_ret(), Some(38));
    }

    #[test]
    fn mistakes_are_named() {
        for text in
            ["allow read", "grant: read", "deny EFOO: read", "allow foo=1: read", "  read", "allow arg0<1: x"]
        {
            assert!(parse(text).unwrap_err().starts_with("line 1"), "{text}");
        }
    }
}
