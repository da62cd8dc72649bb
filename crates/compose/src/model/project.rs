//! The whole project.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::absent::model;
use super::{Content, Network, Service, Volume};

/// Extensions by their keys, which begin with `x-`.
pub type Extensions = BTreeMap<String, Value>;

/// The key that extensions have in the model's own form.
pub const EXTENSIONS: &str = "#extensions";

/// A project, loaded from its files: `extends` and `include` are resolved, files are merged, names are complete.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, from = "Written")]
pub struct Project {
    /// Its name: prefix of what it makes.
    pub name: String,
    /// Its services, of the profiles that are active.
    pub services: BTreeMap<String, Service>,
    /// Its networks, by the key in the file; the engine's name is in [`Network::name`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, Network>,
    /// Its volumes, by the key in the file; the engine's name is in [`Volume::name`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Volume>,
    /// Its secrets. The value of one that comes from the environment is in [`Content::value`], which is never written.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Content>,
    /// Its configs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub configs: BTreeMap<String, Content>,
    /// AI models that services use.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, Model>,
    /// Extensions of the file itself.
    #[serde(rename = "#extensions", skip_serializing_if = "BTreeMap::is_empty")]
    pub extensions: Extensions,

    /// The folder that relative paths begin at, absolute.
    #[serde(skip)]
    pub working_dir: String,
    /// The files it was loaded from, absolute; `-` is standard input.
    #[serde(skip)]
    pub compose_files: Vec<String>,
    /// The variables that the files could use.
    #[serde(skip)]
    pub environment: BTreeMap<String, String>,
    /// Services whose profiles are not active.
    #[serde(skip)]
    pub disabled_services: BTreeMap<String, Service>,
    /// Active profiles.
    #[serde(skip)]
    pub profiles: Vec<String>,
}

/// A project as it is written: extensions may stand among its keys.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Written {
    name: String,
    services: BTreeMap<String, Service>,
    networks: BTreeMap<String, Network>,
    volumes: BTreeMap<String, Volume>,
    secrets: BTreeMap<String, Content>,
    configs: BTreeMap<String, Content>,
    models: BTreeMap<String, Model>,
    #[serde(rename = "#extensions")]
    extensions: Extensions,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

impl From<Written> for Project {
    fn from(written: Written) -> Self {
        let Written { name, services, networks, volumes, secrets, configs, models, mut extensions, others } =
            written;
        extensions.extend(others.into_iter().filter(|(key, _)| key.starts_with("x-")));
        let services =
            services.into_iter().map(|(name, service)| (name.clone(), Service { name, ..service })).collect();
        Self { name, services, networks, volumes, secrets, configs, models, extensions, ..Self::default() }
    }
}

model! {
    /// An AI model.
    pub struct Model {
        /// Its name in the project.
        pub name: String,
        /// The artifact that has it.
        pub model: String,
        /// Most tokens of a context.
        pub context_size: i64,
        /// Flags of the program that runs it.
        pub runtime_flags: Vec<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document as docker-compose prints it.
    const PRINTED: &str = r#"{
      "name": "demo",
      "services": {
        "web": {
          "build": {"context": "/src", "dockerfile": "Dockerfile", "args": {"A": "1", "B": null}},
          "command": ["sh", "-c", "true"],
          "depends_on": {"db": {"condition": "service_healthy", "required": true, "restart": true}},
          "deploy": {
            "replicas": 2,
            "resources": {"limits": {"cpus": 0.5, "memory": "536870912"}},
            "placement": {}
          },
          "entrypoint": null,
          "env_file": ["/src/a.env", {"path": "/src/b.env", "required": false}],
          "extra_hosts": ["host=10.0.0.1", "host=10.0.0.2", "six=::1"],
          "healthcheck": {"test": ["CMD", "true"], "interval": "1m30s", "retries": 3},
          "image": "web",
          "networks": {"default": null},
          "ports": [{"mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp"}],
          "secrets": [{"source": "key", "target": "/run/secrets/key", "mode": "0440"}],
          "ulimits": {"nofile": {"soft": 1, "hard": 2}, "nproc": 65535},
          "volumes": [{"type": "bind", "source": "/a", "target": "/b", "bind": {"create_host_path": true}}]
        }
      },
      "networks": {"default": {"name": "demo_default", "ipam": {}}},
      "secrets": {"key": {"name": "demo_key", "environment": "KEY"}},
      "x-more": [1, {"a": null}]
    }"#;

    #[test]
    fn what_docker_compose_prints_is_read_and_written() {
        let mut printed: Value = serde_json::from_str(PRINTED).unwrap();
        let project: Project = serde_json::from_str(PRINTED).unwrap();
        let web = &project.services["web"];
        assert_eq!(web.name, "web");
        assert_eq!(web.extra_hosts.0["host"], ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(web.healthcheck.as_ref().unwrap().interval.unwrap().to_std().as_secs(), 90);
        let more = printed.as_object_mut().unwrap().remove("x-more").unwrap();
        printed[EXTENSIONS] = serde_json::json!({ "x-more": more });
        assert_eq!(serde_json::to_value(&project).unwrap(), printed);
    }
}
