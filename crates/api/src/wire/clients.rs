//! What clients in the field send in every request although it asks for nothing of this engine.

use super::tree::Node;

/// A field and the value that passes there.
struct Sent {
    /// The path in the body or the query; `[]` is any element, `*` any entry of a map.
    path: &'static str,
    /// JSON, or [`ANY`].
    value: &'static str,
    /// Who sends it, and why it is nothing.
    #[allow(dead_code, reason = "for who reads the table")]
    why: &'static str,
}

/// Any value: the field means something to the client alone.
const ANY: &str = "*";

const fn sent(path: &'static str, value: &'static str, why: &'static str) -> Sent {
    Sent { path, value, why }
}

const TABLE: &[Sent] = &[
    sent("systemd", "\"true\"", "podman: the default; looks whether the command is systemd"),
    sent("systemd", "\"false\"", "podman --systemd=false"),
    sent("sdnotifyMode", "\"container\"", "podman: the default; without NOTIFY_SOCKET nothing is notified"),
    sent("sdnotifyMode", "\"ignore\"", "podman --sdnotify=ignore"),
    sent("healthLogDestination", "\"local\"", "podman: the default of a check that is not there"),
    sent("healthMaxLogCount", "5", "podman: the default of a check that is not there"),
    sent("healthMaxLogSize", "500", "podman: the default of a check that is not there"),
    sent("health_check_on_failure_action", "\"none\"", "podman: the default of a check that is not there"),
    sent("healthconfig.Test", "[\"NONE\"]", "podman --no-healthcheck"),
    sent("seccomp_policy", "\"default\"", "podman: the default"),
    sent("volatile", "true", "podman --rm: such containers are volatile anyhow"),
];

/// Whether a client is known to send this value there.
pub(super) fn sends(path: &str, node: &Node) -> bool {
    TABLE.iter().filter(|sent| sent.path == path).any(|sent| {
        sent.value == ANY || Node::parse(sent.value.as_bytes()).is_ok_and(|expected| expected == *node)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_json_and_has_a_reason() {
        for sent in TABLE {
            assert!(sent.value == ANY || Node::parse(sent.value.as_bytes()).is_ok(), "{}", sent.path);
            assert!(!sent.why.is_empty(), "{}", sent.path);
        }
    }
}
