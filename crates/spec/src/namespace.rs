//! Namespace modes: `--pid`, `--ipc`, `--uts`, `--userns`, `--cgroupns`.

use cove_api::Namespace;

use crate::error::{Result, bail};

/// Parses `--pid`.
///
/// # Errors
/// The mode is unknown or its value is missing.
pub fn pid(text: &str) -> Result<Namespace> {
    common(text, "PID")
}

/// Parses `--uts`.
///
/// # Errors
/// As [`pid`].
pub fn uts(text: &str) -> Result<Namespace> {
    common(text, "UTS")
}

/// Parses `--cgroupns`.
///
/// # Errors
/// As [`pid`].
pub fn cgroup(text: &str) -> Result<Namespace> {
    common(text, "cgroup")
}

/// Parses `--ipc`, which also knows `none` and `shareable`.
///
/// # Errors
/// As [`pid`].
pub fn ipc(text: &str) -> Result<Namespace> {
    match text {
        "none" | "shareable" => Ok(Namespace::new(text)),
        text => common(text, "IPC"),
    }
}

/// Parses `--userns`: also `auto[:OPTIONS]`, `keep-id[:OPTIONS]`, `nomap`; empty is the default.
///
/// # Errors
/// As [`pid`], or an option of the mode is wrong.
pub fn user(text: &str) -> Result<Namespace> {
    let (mode, options) = match text.split_once(':') {
        Some((mode, options)) => (mode, Some(options)),
        None => (text, None),
    };
    match (mode, options) {
        ("auto", options) => {
            for option in options.unwrap_or_default().split(',').filter(|option| !option.is_empty()) {
                match option.split_once('=') {
                    Some(("size", value)) => number(value, "size", text).map(drop)?,
                    Some(("uidmapping" | "gidmapping", value)) => mapping(value, text)?,
                    _ => bail!("unknown option specified: {option:?} in --userns={text}"),
                }
            }
            Ok(Namespace { nsmode: "auto".to_owned(), value: options.unwrap_or_default().to_owned() })
        }
        ("keep-id", options) => {
            for option in options.unwrap_or_default().split(',').filter(|option| !option.is_empty()) {
                match option.split_once('=') {
                    Some((name @ ("uid" | "gid" | "size"), value)) => number(value, name, text).map(drop)?,
                    _ => bail!("unknown option specified: {option:?} in --userns={text}"),
                }
            }
            Ok(Namespace { nsmode: "keep-id".to_owned(), value: options.unwrap_or_default().to_owned() })
        }
        // Podman writes the mode with a hyphen in the API and without one on the command line.
        ("nomap", None) => Ok(Namespace::new("no-map")),
        _ => common(text, "user"),
    }
}

/// Options of `keep-id` and `auto` as `uid=1,gid=2,size=3`: the value of `name`.
pub fn option<'a>(namespace: &'a Namespace, name: &str) -> Option<&'a str> {
    namespace
        .value
        .split(',')
        .filter_map(|option| option.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, v)| v)
}

fn number(text: &str, name: &str, flag: &str) -> Result<u32> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => bail!("invalid {name} {text:?} in --userns={flag}: not a number"),
    }
}

/// `CONTAINER-ID:HOST-ID:SIZE`.
fn mapping(text: &str, flag: &str) -> Result<()> {
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() == 3 && parts.iter().all(|part| part.trim_start_matches('@').parse::<u32>().is_ok()) {
        return Ok(());
    }
    bail!("invalid mapping {text:?} in --userns={flag}: must be CONTAINER_ID:HOST_ID:SIZE")
}

fn common(text: &str, kind: &str) -> Result<Namespace> {
    match text {
        "" | "default" => Ok(Namespace::default()),
        "host" | "private" | "pod" => Ok(Namespace::new(text)),
        _ => match text.split_once(':') {
            Some(("container", "")) => bail!("must provide name or ID for \"container\" namespaces"),
            Some(("container", container)) => {
                Ok(Namespace { nsmode: "container".to_owned(), value: container.to_owned() })
            }
            Some(("ns", path)) if path.starts_with('/') => {
                Ok(Namespace { nsmode: "path".to_owned(), value: path.to_owned() })
            }
            Some(("ns", _)) => bail!("must provide an absolute path to namespace when specifying \"ns:\""),
            _ => bail!("unrecognized {kind} namespace mode {text:?} passed"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(result: Result<Namespace>) -> String {
        match result {
            Ok(namespace) => format!("{}:{}", namespace.nsmode, namespace.value),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn modes() {
        assert_eq!(show(pid("host")), "host:");
        assert_eq!(show(pid("")), ":");
        assert_eq!(show(pid("container:db")), "container:db");
        assert_eq!(show(uts("ns:/proc/1/ns/uts")), "path:/proc/1/ns/uts");
        assert_eq!(show(ipc("shareable")), "shareable:");
        assert_eq!(show(ipc("none")), "none:");
        assert_eq!(show(cgroup("private")), "private:");
        assert_eq!(show(user("keep-id:uid=5,gid=6")), "keep-id:uid=5,gid=6");
        assert_eq!(show(user("auto:size=100")), "auto:size=100");
        assert_eq!(show(user("auto:uidmapping=0:1:2")), "auto:uidmapping=0:1:2");
        assert_eq!(show(user("nomap")), "no-map:");
        assert_eq!(show(user("host")), "host:");
        assert_eq!(option(&user("keep-id:uid=5,gid=6").unwrap(), "gid"), Some("6"));
        for (result, expected) in [
            (pid("none"), "unrecognized PID namespace mode"),
            (pid("container:"), "must provide name or ID"),
            (uts("ns:rel"), "absolute path"),
            (user("keep-id:uid=x"), "not a number"),
            (user("keep-id:colour=x"), "unknown option"),
            (user("auto:uidmapping=0:1"), "CONTAINER_ID:HOST_ID:SIZE"),
            (cgroup("shareable"), "unrecognized cgroup"),
        ] {
            assert!(show(result.clone()).contains(expected), "{expected}: {result:?}");
        }
    }
}
