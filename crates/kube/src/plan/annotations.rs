//! Annotations that mean something here (podman-kube-play(1)), and what a name of one may be.

use cove_api::StringMap;

use crate::error::{Result, bail};

pub(super) const INFRA_NAME: &str = "io.podman.annotations.infra.name";
pub(super) const INIT_TYPE: &str = "io.podman.annotations.init.container.type";
pub(super) const USERNS: &str = "io.podman.annotations.userns";
pub(super) const ULIMIT: &str = "io.podman.annotations.ulimit";
pub(super) const VOLUMES_FROM: &str = "io.podman.annotations.volumes-from";
pub(super) const AUTOMOUNT: &str = "io.podman.annotations.kube.image.volumes.mount";
pub(super) const PIDS_LIMIT: &str = "io.podman.annotations.pids-limit";
pub(super) const CPUSET: &str = "io.podman.annotations.cpuset";
pub(super) const MEMORY_NODES: &str = "io.podman.annotations.memory-nodes";
pub(super) const LABEL: &str = "io.podman.annotations.label";
pub(super) const AUTOREMOVE: &str = "io.podman.annotations.autoremove";
pub(super) const INIT: &str = "io.podman.annotations.init";
pub(super) const HEALTH_CHECK: &str = "io.podman.annotations.kube.health.check";
pub(super) const BIND_MOUNT: &str = "bind-mount-options";
pub(super) const AUTO_UPDATE: [&str; 2] = ["io.containers.autoupdate", "io.containers.autoupdate.authfile"];
pub(super) const SDNOTIFY: &str = "io.containers.sdnotify";
pub(super) const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io";
pub(super) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";

/// Most bytes of all annotations together, as in Kubernetes.
const LONGEST: usize = 256 << 10;

/// The annotation `KEY/CONTAINER`.
pub(super) fn of_container<'a>(annotations: &'a StringMap, key: &str, container: &str) -> Option<&'a str> {
    annotations.get(&format!("{key}/{container}")).map(String::as_str)
}

/// That all are annotations of Kubernetes.
///
/// # Errors
/// A name is none, or they are too long.
pub(super) fn check(annotations: &StringMap) -> Result<()> {
    for key in annotations.keys() {
        check_key(key)?;
    }
    let size: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size > LONGEST {
        bail!("annotations size {size} is larger than limit {LONGEST}");
    }
    Ok(())
}

fn check_key(key: &str) -> Result<()> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            bail!("prefix part of {key} must be non-empty");
        }
        let label =
            |label: &str| label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && is_edged(label);
        if prefix.len() > 253 || !prefix.split('.').all(label) {
            bail!("the prefix of annotation {key:?} is no domain of letters, digits, '-' and '.'");
        }
    }
    if name.is_empty() {
        bail!("name part of {key} must be non-empty");
    }
    if name.len() > 63 {
        bail!("name part of {key} must be no more than 63 characters");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.chars().all(allowed) || !is_edged(name) {
        bail!(
            "name part of {key} must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        );
    }
    Ok(())
}

fn is_edged(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    edge(text.chars().next()) && edge(text.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |key: &str| super::check(&[(key.to_owned(), "v".to_owned())].into());
        for key in ["a", "a.b/c", "Name", "io.podman.annotations.volumes-from/c_1", "9"] {
            check(key).unwrap();
        }
        for key in ["", "/a", "a/", "a/b/c", "-a", "a-", "a b", "a..b/c", "ä", &"a".repeat(64)] {
            assert!(check(key).is_err(), "{key}");
        }
        let long = [("a".to_owned(), "x".repeat(LONGEST))].into();
        assert!(super::check(&long).unwrap_err().to_string().contains("larger than limit"));
    }
}
