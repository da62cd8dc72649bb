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

const AGAIN: &str = "whoever makes a container again from its inspect: what the service answered";

const COMMITS: &str = "dockerode: said again in the query of a commit, which is what holds";

const DOCKERS_READONLY: &str = r#"["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"]"#;

const TABLE: &[Sent] = &[
    sent("Authfile", ANY, "podman manifest: a file of its own, whose contents are in a header"),
    sent("Username", ANY, "podman manifest: said again in a header"),
    sent("Password", ANY, "podman manifest: said again in a header"),
    sent("SkipTLSVerify", ANY, "podman manifest: said again in the query"),
    sent("volatile", "true", "podman --rm: such containers are volatile anyhow"),
    sent("AttachStdin", ANY, "docker: what its own command line connects"),
    sent("AttachStdout", ANY, "docker: what its own command line connects"),
    sent("AttachStderr", ANY, "docker: what its own command line connects"),
    sent("StdinOnce", ANY, "docker: the input ends with the client in any case"),
    sent("ArgsEscaped", ANY, "docker: for Windows"),
    sent(
        "HostConfig.ConsoleSize",
        ANY,
        "docker: the size of its terminal, which it sends again at the start",
    ),
    sent("HostConfig.ContainerIDFile", ANY, "docker: a file that it writes itself"),
    sent("HostConfig.Isolation", "\"default\"", "docker: for Windows"),
    sent("HostConfig.VolumeDriver", "\"local\"", "docker: the only driver"),
    sent("HostConfig.Mounts[].Consistency", ANY, "docker: for file systems of macOS"),
    sent("HostConfig.ReadonlyPaths", DOCKERS_READONLY, "whoever makes a container again from its inspect"),
    sent("NetworkingConfig.EndpointsConfig.*.NetworkID", ANY, AGAIN),
    sent("NetworkingConfig.EndpointsConfig.*.EndpointID", ANY, AGAIN),
    sent("NetworkingConfig.EndpointsConfig.*.Gateway", ANY, AGAIN),
    sent("NetworkingConfig.EndpointsConfig.*.IPAddress", ANY, AGAIN),
    sent("NetworkingConfig.EndpointsConfig.*.IPPrefixLen", ANY, AGAIN),
    sent("NetworkingConfig.EndpointsConfig.*.IPv6Gateway", ANY, AGAIN),
    sent("NetworkingConfig.EndpointsConfig.*.GlobalIPv6Address", ANY, AGAIN),
    sent("NetworkingConfig.EndpointsConfig.*.GlobalIPv6PrefixLen", ANY, AGAIN),
    sent("NetworkingConfig.EndpointsConfig.*.DNSNames", ANY, AGAIN),
    sent(
        "ConsoleSize",
        ANY,
        "docker: the size of its terminal, which it sends again at the start of a session",
    ),
    sent("Detach", ANY, "docker: said again at the start of a session"),
    sent("Container", ANY, "docker-py: said again in the path of a session's making"),
    sent("Tty", ANY, "docker: said again at the start of a session"),
    sent("container", ANY, COMMITS),
    sent("repo", ANY, COMMITS),
    sent("tag", ANY, COMMITS),
    sent("comment", ANY, COMMITS),
    sent("author", ANY, COMMITS),
    sent("pause", ANY, COMMITS),
    sent("changes", ANY, COMMITS),
    sent("hijack", ANY, "dockerode: how it reads the answer to the start of a session"),
    sent("stdin", ANY, "dockerode: that it writes, too, after the start of a session"),
    sent("CheckDuplicate", ANY, "docker before 1.44: names of networks are unique in any case"),
    sent("Scope", "\"local\"", "docker: the scope of a network on one machine"),
];

/// Whether a client is known to send this value there.
pub(super) fn sends(path: &str, node: &Node) -> bool {
    TABLE.iter().filter(|sent| sent.path == path).any(|sent| {
        sent.value == ANY || Node::parse(sent.value.as_bytes()).is_ok_and(|expected| expected.asks_as(node))
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
