//! The environment of a container's process.

use std::collections::BTreeMap;

use cove_api::ContainerSpec;

/// Where environment variables come from.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentInput<'a> {
    /// `Env` of the image; entries without `=` are ignored (CVE-2026-57231).
    pub image: &'a [String],
    /// The host's proxy variables that are set (`http_proxy`, …), used unless the spec says no.
    pub proxies: &'a [(String, String)],
    /// The caller's environment, used for `--env-host` only.
    pub host: &'a [(String, String)],
    /// Home directory of the user.
    pub home: &'a str,
    /// Name of the container's UTS namespace.
    pub hostname: &'a str,
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables of a container in their final form, `NAME=value`, in the order in which Podman overrides them: defaults,
/// host, image, proxies, request.
#[must_use]
pub fn environment(spec: &ContainerSpec, input: &EnvironmentInput<'_>) -> Vec<String> {
    let mut env: BTreeMap<&str, &str> = BTreeMap::new();
    if spec.unsetenvall != Some(true) {
        env.insert("PATH", PATH);
        env.insert("TERM", "xterm");
        env.insert("container", "podman");
        if spec.env_host == Some(true) {
            env.extend(input.host.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        }
        env.extend(
            input.image.iter().filter_map(|entry| entry.split_once('=')).filter(|(name, _)| !name.is_empty()),
        );
    }
    if spec.httpproxy != Some(false) {
        env.extend(input.proxies.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    }
    for name in &spec.unsetenv {
        env.remove(name.as_str());
    }
    env.extend(spec.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    env.entry("HOME").or_insert(input.home);
    env.entry("HOSTNAME").or_insert(input.hostname);
    env.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_sources() {
        let mut spec = ContainerSpec::default();
        spec.env.insert("A".to_owned(), "spec".to_owned());
        let image = ["A=image", "B=image", "AWS_SECRET", "*", "=x", "HOME=/image"].map(str::to_owned);
        let proxies = [("http_proxy".to_owned(), "http://p".to_owned())];
        let host = [("B".to_owned(), "host".to_owned())];
        let input =
            EnvironmentInput { image: &image, proxies: &proxies, host: &host, home: "/root", hostname: "h" };
        let env = environment(&spec, &input);
        assert_eq!(
            env,
            [
                "A=spec",
                "B=image",
                "HOME=/image",
                "HOSTNAME=h",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "TERM=xterm",
                "container=podman",
                "http_proxy=http://p"
            ]
        );
        spec.unsetenv.push("B".to_owned());
        spec.httpproxy = Some(false);
        let env = environment(&spec, &input);
        assert!(!env.iter().any(|e| e.starts_with("B=") || e.starts_with("http_proxy")));
    }
}
