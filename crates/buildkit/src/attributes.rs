//! What a client says of a build, as options of ours.
//!
//! The keys are those of BuildKit's frontend `dockerfile.v0`. Each is done, or asks for nothing, or is refused by name.

use std::collections::HashMap;

use cove_api::endpoint::BuildParameters;
use cove_api::{Error, Result};

/// What is told of caches elsewhere.
pub(crate) const NO_CACHES: &str =
    "caches of registries and folders are not read: only the engine's own is used";

/// A build that is asked for.
#[derive(Debug, Default)]
pub(crate) struct Frontend {
    /// The build file's path in its folder.
    pub(crate) file: String,
    /// The client's name for the folder that has the build file.
    pub(crate) file_folder: String,
    /// The client's name for the folder of the context.
    pub(crate) context_folder: String,
    /// Where the context is in place of a folder; empty for a folder.
    pub(crate) remote: String,
    /// The build file is the client's even though the context is elsewhere.
    pub(crate) has_own_file: bool,
    /// Further contexts, by the names that the build file has for them.
    pub(crate) others: Vec<(String, Other)>,
    /// Sessions of folders that are not in the build's own, by the folders.
    pub(crate) sessions: HashMap<String, String>,
    /// All else.
    pub(crate) parameters: BuildParameters,
    /// What is not done, which changes nothing of the result.
    pub(crate) warnings: Vec<String>,
}

/// A further context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Other {
    /// A folder of the client.
    Local(String),
    /// An image.
    Image(String),
    /// A tar or a repository of git, elsewhere.
    Url(String),
}

/// The frontend that reads build files.
const DOCKERFILE: &str = "dockerfile.v0";
/// The variable by which all times of an image are set.
const EPOCH: &str = "SOURCE_DATE_EPOCH";
/// Most attributes.
const MAX_ATTRIBUTES: usize = 10_000;

impl Frontend {
    /// Reads what a client says.
    ///
    /// # Errors
    /// It asks for what is not done, or a value means nothing.
    pub(crate) fn read(frontend: &str, attributes: HashMap<String, String>) -> Result<Self> {
        match frontend {
            DOCKERFILE => {}
            "gateway.v0" => {
                let source = attributes.get("source").map_or("", String::as_str);
                return Err(Error::unsupported(format!(
                    "the frontend gateway.v0 ({source}) is not supported: build files are read by the engine itself"
                )));
            }
            other => return Err(Error::unsupported(format!("the frontend {other:?} is not supported"))),
        }
        if attributes.len() > MAX_ATTRIBUTES {
            return Err(Error::invalid(format!("the build has more than {MAX_ATTRIBUTES} attributes")));
        }
        let parameters = BuildParameters { outputformat: "docker".into(), ..BuildParameters::default() };
        let mut read = Self {
            file: "Dockerfile".into(),
            file_folder: "dockerfile".into(),
            context_folder: "context".into(),
            parameters,
            ..Self::default()
        };
        let mut sorted: Vec<_> = attributes.into_iter().collect();
        sorted.sort_unstable();
        for (key, value) in sorted {
            read.attribute(&key, value)?;
        }
        Ok(read)
    }

    fn attribute(&mut self, key: &str, value: String) -> Result<()> {
        if let Some((kind, name)) = key.split_once(':') {
            return self.named(kind, name, value);
        }
        let parameters = &mut self.parameters;
        match key {
            "filename" => self.file = value,
            "dockerfilekey" => {
                self.file_folder = value;
                self.has_own_file = true;
            }
            "contextkey" => self.context_folder = value,
            "target" => parameters.target = value,
            "platform" => parameters.platform = value.split(',').map(ToOwned::to_owned).collect(),
            "no-cache" if value.is_empty() => parameters.nocache = true,
            "no-cache" => return Err(not_done("no-cache for single stages")),
            "add-hosts" => {
                let hosts = listed(&value).map(|host| host.replacen('=', ":", 1));
                parameters.extrahosts = hosts.collect();
            }
            "force-network-mode" => {
                parameters.networkmode = match value.as_str() {
                    "host" | "none" => value,
                    "" | "sandbox" | "default" => String::new(),
                    other => return Err(not_done(&format!("the network mode {other:?}"))),
                }
            }
            "cgroup-parent" => parameters.cgroupparent = value,
            "shm-size" => parameters.shmsize = number(key, &value)?,
            "memory" => parameters.memory = number(key, &value)?,
            "memswap" => parameters.memswap = number(key, &value)?,
            "cpushares" => parameters.cpushares = number(key, &value)?,
            "cpuperiod" => parameters.cpuperiod = number(key, &value)?,
            "cpuquota" => parameters.cpuquota = number(key, &value)?,
            "cpusetcpus" => parameters.cpusetcpus = value,
            "cpusetmems" => parameters.cpusetmems = value,
            "ulimit" => parameters.ulimits = listed(&value).map(ToOwned::to_owned).collect(),
            "image-resolve-mode" => match value.as_str() {
                "" | "default" | "local" => {}
                "pull" => parameters.pull = true,
                other => return Err(not_done(&format!("image-resolve-mode={other}"))),
            },
            "hostname" if !value.is_empty() => return Err(not_done("hostname")),
            "requestid" => return Err(not_done(&format!("the call {value:?}"))),
            "context" => self.remote = value,
            "contextsubdir" if !value.is_empty() => return Err(not_done("contextsubdir")),
            "multi-platform" if is_on(&value) => return Err(not_done("multi-platform")),
            "cache-from" | "cache-imports" if !matches!(value.as_str(), "" | "null" | "[]") => {
                self.warnings.push(NO_CACHES.into());
            }
            // Facts that ask for nothing, and what is off.
            "hostname" | "contextsubdir" | "multi-platform" | "cache-from" | "cache-imports"
            | "frontend.caps" => {}
            "source" | "cmdline" => {}
            other => return Err(not_done(&format!("the attribute {other:?}"))),
        }
        Ok(())
    }

    /// An attribute that has a name of its own.
    fn named(&mut self, kind: &str, name: &str, value: String) -> Result<()> {
        let parameters = &mut self.parameters;
        match kind {
            "build-arg" => {
                if name == EPOCH && !value.is_empty() {
                    parameters.timestamp = Some(number(EPOCH, &value)?);
                }
                parameters.buildargs.insert(name.to_owned(), Some(value));
            }
            "label" => parameters.labels.push((name.to_owned(), value)),
            "context" => {
                let other = match value.split_once(':') {
                    Some(("local", folder)) => Other::Local(folder.to_owned()),
                    Some(("docker-image", image)) => Other::Image(image.trim_start_matches('/').to_owned()),
                    Some(("http" | "https" | "git" | "ssh", _)) => Other::Url(value),
                    _ => return Err(not_done(&format!("the context {name}={value}"))),
                };
                // The name of an image may have a platform behind it.
                self.others.push((name.split("::").next().unwrap_or(name).to_owned(), other));
            }
            "local-sessionid" => drop(self.sessions.insert(name.to_owned(), value)),
            "attest" if listed(&value).any(|part| part == "disabled=true") => {}
            "attest" => return Err(not_done(&format!("the attestation {name}"))),
            // Where the sources come from, for attestations.
            "vcs" | "localdir" | "input" => {}
            // By it a folder is found again; here it is the client that is.
            "sharedkey" => {}
            _ => return Err(not_done(&format!("the attribute {kind}:{name}"))),
        }
        Ok(())
    }
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn number<T: std::str::FromStr>(key: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::invalid(format!("{key}: {text:?} is no number")))
}

/// As Go reads what may be on.
pub(crate) fn is_on(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn not_done(what: &str) -> Error {
    Error::unsupported(format!("{what} is not supported yet by the builder behind this service"))
}

#[cfg(test)]
mod tests {
    use cove_api::{ErrorKind, PullPolicy};

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Frontend> {
        let map = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Frontend::read(DOCKERFILE, map.collect())
    }

    #[test]
    fn attributes_become_options() {
        let read = read(&[
            ("filename", "sub/Dockerfile.dev"),
            ("target", "dev"),
            ("platform", "linux/amd64"),
            ("build-arg:A", "1"),
            ("build-arg:SOURCE_DATE_EPOCH", "7"),
            ("label:l", "v"),
            ("no-cache", ""),
            ("add-hosts", "a=10.0.0.1,b=::1"),
            ("force-network-mode", "host"),
            ("shm-size", "1024"),
            ("ulimit", "nofile=10:20"),
            ("image-resolve-mode", "pull"),
            ("context:more", "local:more"),
            ("context:base::linux/amd64", "docker-image://docker.io/library/x"),
            ("context:far", "https://example.com/x.tar"),
            ("local-sessionid:context", "abc"),
            ("sharedkey:localdir:more", "key"),
            ("vcs:revision", "deadbeef"),
            ("frontend.caps", "moby.buildkit.frontend.contexts+forward"),
            ("attest:provenance", "disabled=true"),
            ("cache-imports", "[{}]"),
        ])
        .unwrap();
        assert_eq!((read.file.as_str(), read.context_folder.as_str()), ("sub/Dockerfile.dev", "context"));
        assert_eq!(read.sessions["context"], "abc");
        assert_eq!(read.warnings.len(), 1);
        let others = [
            ("base".to_owned(), Other::Image("docker.io/library/x".into())),
            ("far".to_owned(), Other::Url("https://example.com/x.tar".into())),
            ("more".to_owned(), Other::Local("more".into())),
        ];
        assert_eq!(read.others, others);
        let options = read.parameters.options().unwrap();
        assert_eq!((options.target.as_str(), options.timestamp, options.no_cache), ("dev", Some(7), true));
        assert_eq!(options.build_args["A"], "1");
        assert_eq!(options.labels, [("l".to_owned(), "v".to_owned())]);
        assert_eq!(options.run.hostadd, ["a:10.0.0.1", "b:::1"]);
        assert_eq!((options.run.shm_size, options.run.r_limits[0].hard), (Some(1024), 20));
        assert_eq!(options.pull, PullPolicy::Newer);
    }

    #[test]
    fn what_is_not_done_is_refused_by_name() {
        for (key, value) in [
            ("no-cache", "stage"),
            ("requestid", "frontend.lint"),
            ("attest:sbom", ""),
            ("hostname", "h"),
            ("context:x", "input:x"),
            ("force-network-mode", "bridge"),
            ("something", "new"),
            ("some:thing", "new"),
        ] {
            let error = read(&[(key, value)]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unsupported, "{key}: {error}");
        }
        assert_eq!(read(&[("shm-size", "much")]).unwrap_err().kind, ErrorKind::InvalidArgument);
        let gateway = HashMap::from([("source".to_owned(), "docker/dockerfile:1".to_owned())]);
        let error = Frontend::read("gateway.v0", gateway).unwrap_err();
        assert!(error.message.contains("docker/dockerfile:1"), "{error}");
    }
}
