//! What is filled in on a screen.

use serde::{Deserialize, Serialize};

/// A container to be run, as a form has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, rename_all = "camelCase")]
pub struct RunOptions {
    /// Name or id of the image; it is pulled where it is missing.
    pub image: String,
    /// Its name; empty lets the engine choose.
    pub name: String,
    /// The command as in a shell, with quotes; empty takes the image's.
    pub command: String,
    /// As after `-p`: `8080:80`, `127.0.0.1:53:53/udp`.
    pub ports: Vec<String>,
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// As after `-v`, but only named volumes and absolute paths: `data:/var/lib/data`, `/srv:/srv:ro`.
    pub volumes: Vec<String>,
    /// Remove the container when it ends.
    pub remove: bool,
    /// The pod that it joins; empty is none.
    pub pod: String,
    /// The network that it joins; empty leaves it to the engine.
    pub network: String,
}

/// A process with a terminal in a running container, as a form has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, rename_all = "camelCase")]
pub struct TerminalOptions {
    /// The container's id.
    pub id: String,
    /// The command as in a shell, with quotes; empty is a shell.
    pub command: String,
    /// As whom, `user[:group]`; empty takes the container's.
    pub user: String,
    /// The terminal's width in characters.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

/// Limits of a container, as a form has them: what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, rename_all = "camelCase")]
pub struct LimitsForm {
    /// As after `--memory`: `512m`.
    pub memory: Option<String>,
    /// Processors: `1.5`; empty is no limit.
    pub cpus: Option<String>,
    /// The most processes; empty is any number.
    pub processes: Option<String>,
    /// As after `--restart`: `no`, `always`, `on-failure[:TRIES]`, `unless-stopped`.
    pub restart: Option<String>,
}

/// A network to be made, as a form has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, rename_all = "camelCase")]
pub struct NetworkOptions {
    /// Its name.
    pub name: String,
    /// `10.89.5.0/24`; empty lets the engine choose.
    pub subnet: String,
    /// `10.89.5.1`; empty is the subnet's first address.
    pub gateway: String,
    /// Without a way out.
    pub internal: bool,
    /// Also with addresses of IPv6.
    pub ipv6: bool,
}

/// An image to be built, as a form has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, rename_all = "camelCase")]
pub struct BuildForm {
    /// The folder of this computer with what is built: a whole path.
    pub context: String,
    /// The build file; empty is the folder's own.
    pub file: String,
    /// The image's name; empty leaves it without one.
    pub tag: String,
    /// The stage that becomes the image; empty is the last.
    pub target: String,
    /// `NAME=value` for `ARG`.
    pub arguments: Vec<String>,
    /// `linux/arm64`; empty is the engine's own.
    pub platform: String,
    /// Use nothing of earlier builds.
    pub no_cache: bool,
    /// Ask for newer base images.
    pub pull: bool,
}

/// What an archive of images is like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum SaveFormat {
    /// As `docker save` writes it.
    #[default]
    Docker,
    /// An OCI layout.
    Oci,
}

/// A Compose project to be brought up, as a form has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, rename_all = "camelCase")]
pub struct ProjectForm {
    /// Its files on this computer, or a folder with files of the usual names: whole paths.
    pub files: Vec<String>,
    /// Its folder; empty is that of the first file.
    pub folder: String,
    /// Its name; empty is what the files say, else the folder's.
    pub name: String,
    /// Files of variables; none is `.env` of the folder.
    pub env_files: Vec<String>,
    /// Profiles whose services are taken, too; where none were chosen yet, those that have containers.
    pub profiles: Option<Vec<String>>,
    /// `NAME=value` for variables of the files.
    pub values: Vec<String>,
    /// Build images that are there, too.
    pub build: bool,
    /// Ask registries for newer images.
    pub pull: bool,
    /// Make all containers anew.
    pub recreate: bool,
    /// Remove containers of services that the files have not.
    pub remove_orphans: bool,
}

/// A description for Kubernetes to be written, as a form has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, rename_all = "camelCase")]
pub struct KubeForm {
    /// Containers or pods.
    pub names: Vec<String>,
    /// `pod`, `deployment`, `daemonset`, `statefulset` or `job`; empty is the configured one.
    pub kind: String,
    /// Also a service for each.
    pub service: bool,
}
