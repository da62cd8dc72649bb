//! Files that the engine writes, in a container and on the host.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which files the engine puts into a container, and what stands in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Files {
    /// `/etc/hosts`; [`None`] leaves the image's.
    pub(crate) hosts: Option<HostsFile>,
    /// `/etc/resolv.conf`; without it the image's stays.
    pub(crate) resolv_conf: bool,
    /// What the user or containers.conf(5) say about names.
    pub(crate) dns: Dns,
    /// `/etc/hostname`.
    pub(crate) hostname: bool,
    /// Entries in `/etc/passwd` and `/etc/group` for a user who has none.
    pub(crate) accounts: bool,
    /// A line for `/etc/passwd` in place of the computed one.
    pub(crate) passwd_entry: String,
    /// A line for `/etc/group` in place of the computed one.
    pub(crate) group_entry: String,
    /// Users of the host, by name or number, who get entries in `/etc/passwd`.
    pub(crate) host_users: Vec<String>,
    /// Absolute directories in the container that get the engine's files as its root does.
    pub(crate) chroots: Vec<String>,
    /// `/etc/localtime`: a name in the host's data base, or `local`; empty leaves the image's.
    pub(crate) time_zone: String,
}

/// Files of the host that get the pid of a process at each start; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PidFiles {
    /// Of the container's first process.
    pub(crate) process: String,
    /// Of the monitor.
    pub(crate) monitor: String,
}

/// What stands in `/etc/hosts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HostsFile {
    /// What it begins with.
    pub(crate) base: HostsBase,
    /// `name:ip` entries of the user.
    pub(crate) extra: Vec<String>,
    /// The address of `host.containers.internal`.
    pub(crate) host: HostAddress,
}

/// What `/etc/hosts` begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HostsBase {
    /// The host's file.
    #[default]
    Host,
    /// The image's file.
    Image,
    /// Nothing.
    Empty,
    /// A file of the host.
    File(PathBuf),
}

/// Under which address a container reaches the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HostAddress {
    /// By its network.
    #[default]
    Automatic,
    /// Under none.
    None,
    /// Under this one.
    Fixed(IpAddr),
}

/// How names are resolved; empty lists leave what the network or the host says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Dns {
    /// Name servers.
    pub(crate) servers: Vec<String>,
    /// Search domains.
    pub(crate) search: Vec<String>,
    /// Options.
    pub(crate) options: Vec<String>,
}
