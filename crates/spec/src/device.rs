//! `--device`, `--device-cgroup-rule`.

use cove_api::{CdiName, Device, DeviceCgroup};

use crate::error::{Result, bail};

/// The three parts of a `--device`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePath {
    /// Path on the host; a folder stands for all devices in it.
    pub host: String,
    /// Path in the container.
    pub container: String,
    /// Out of `r`, `w`, `m`.
    pub permissions: String,
}

/// Parses `HOST[:CONTAINER][:PERMISSIONS]`.
///
/// # Errors
/// The form is wrong.
pub fn parse(text: &str) -> Result<DevicePath> {
    let parts: Vec<&str> = text.split(':').collect();
    let (host, container, permissions) = match parts[..] {
        [host] => (host, host, "rwm"),
        [host, mode] if is_mode(mode) => (host, host, mode),
        [host, container] if container.starts_with('/') => (host, container, "rwm"),
        [_, other] => bail!("invalid device mode: {other}"),
        [host, container, mode] => {
            if !is_mode(mode) {
                bail!("invalid device mode: {mode}");
            }
            (host, container, mode)
        }
        _ => bail!("invalid device specification: {text}"),
    };
    for path in [host, container] {
        if !path.starts_with('/') || path.split('/').any(|part| part == "..") || path.contains('\0') {
            bail!("invalid device specification: {text}");
        }
    }
    Ok(DevicePath {
        host: host.to_owned(),
        container: container.to_owned(),
        permissions: permissions.to_owned(),
    })
}

/// Checks a `--device`, a path or the name of a device that its vendor describes, and puts it in the spec's form, which
/// keeps the text.
///
/// # Errors
/// As [`parse`].
pub fn to_spec(text: &str) -> Result<Device> {
    if !CdiName::is(text) {
        parse(text)?;
    }
    Ok(Device { path: text.to_owned(), ..Device::default() })
}

/// Checks an entry of `--gpus`: `all`, or what the vendor calls one. With `device=` before it, as Docker has it.
///
/// # Errors
/// It is no such name.
pub fn gpu(text: &str) -> Result<String> {
    let name = text.strip_prefix("device=").unwrap_or(text);
    match CdiName::device(name) {
        Ok(name) => Ok(name.to_owned()),
        Err(_) => bail!("invalid GPU {text:?}: use all, or the name of one"),
    }
}

/// Parses a `--device-cgroup-rule`: `TYPE MAJOR:MINOR MODE`, with `*` for any number.
///
/// # Errors
/// The form is wrong.
pub fn cgroup_rule(text: &str) -> Result<DeviceCgroup> {
    let [kind, numbers, access] = text.split(' ').collect::<Vec<_>>()[..] else {
        bail!("invalid device cgroup rule requires type, major:Minor, and access rules: {text:?}");
    };
    if !matches!(kind, "a" | "b" | "c") {
        bail!("invalid device type in device-access-add: {kind}");
    }
    let number = |part: &str| match part {
        "*" => Ok(None),
        part => match part.parse::<u32>() {
            Ok(number) => Ok(Some(i64::from(number))),
            // In the words that scripts know.
            Err(_) => bail!("strconv.ParseUint: parsing {part:?}: invalid syntax"),
        },
    };
    let (major, minor) = numbers.split_once(':').unwrap_or((numbers, "*"));
    if let Some(letter) = access.chars().find(|letter| !"rwm".contains(*letter)) {
        bail!("invalid device access in device-access-add: {letter}");
    }
    if !is_mode(access) {
        bail!("invalid device access in device-access-add: {access}");
    }
    let (kind, access) = (kind.to_owned(), access.to_owned());
    Ok(DeviceCgroup { allow: true, kind, major: number(major)?, minor: number(minor)?, access })
}

fn is_mode(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 3
        && text.chars().enumerate().all(|(index, c)| "rwm".contains(c) && !text[..index].contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices() {
        let check = |text: &str, expected: (&str, &str, &str)| {
            let d = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((d.host.as_str(), d.container.as_str(), d.permissions.as_str()), expected, "{text}");
        };
        check("/dev/sda", ("/dev/sda", "/dev/sda", "rwm"));
        check("/dev/sda:/dev/xvda", ("/dev/sda", "/dev/xvda", "rwm"));
        check("/dev/sda:rm", ("/dev/sda", "/dev/sda", "rm"));
        check("/dev/sda:/dev/xvda:r", ("/dev/sda", "/dev/xvda", "r"));
        for (text, expected) in [
            ("", "invalid device specification"),
            (":/dev/x", "invalid device specification"),
            ("/dev/sda:", "invalid device mode"),
            ("/dev/sda:rwx", "invalid device mode: rwx"),
            ("/dev/sda:rr", "invalid device mode: rr"),
            ("/dev/sda:/b:x", "invalid device mode: x"),
            ("/dev/a:/dev/b:r:w", "invalid device specification"),
            ("dev/a", "invalid device specification"),
            ("/dev/../etc/x", "invalid device specification"),
            ("nvidia.com/gpu=all", "invalid device specification"),
        ] {
            assert!(parse(text).unwrap_err().to_string().contains(expected), "{text}");
        }
        assert_eq!(to_spec("/dev/null:r").unwrap().path, "/dev/null:r");
        assert_eq!(to_spec("nvidia.com/gpu=all").unwrap().path, "nvidia.com/gpu=all");
        assert!(to_spec("nvidia.com/gpu=").is_err());
        assert_eq!((gpu("all").unwrap(), gpu("device=0").unwrap()), ("all".to_owned(), "0".to_owned()));
        assert!(gpu("").is_err() && gpu("a/b=c").is_err());
    }

    #[test]
    fn cgroup_rules() {
        let rule = cgroup_rule("c 7:* rmw").unwrap();
        assert_eq!((rule.allow, rule.major, rule.minor), (true, Some(7), None));
        assert_eq!((rule.kind.as_str(), rule.access.as_str()), ("c", "rmw"));
        for (text, expected) in [
            ("c 7:*", "requires type"),
            ("x 7:* r", "invalid device type"),
            ("c -1:* r", "invalid syntax"),
            ("c 7:* x", "invalid device access"),
            ("c 7:* rr", "invalid device access"),
        ] {
            assert!(cgroup_rule(text).unwrap_err().to_string().contains(expected), "{text}");
        }
    }
}
