//! One file per command, by noun and verb: its options (whose comments are its help) and what it does.

pub(crate) mod artifact;
pub(crate) mod auto_update;
pub(crate) mod builder;
pub(crate) mod common;
#[cfg(unix)]
pub(crate) mod compose;
pub(crate) mod container;
#[cfg(target_os = "linux")]
pub(crate) mod convert;
pub(crate) mod desktop;
pub(crate) mod diff;
pub(crate) mod docker_context;
pub(crate) mod farm;
pub(crate) mod generate;
pub(crate) mod healthcheck;
pub(crate) mod help;
pub(crate) mod image;
pub(crate) mod inspect;
pub(crate) mod kube;
mod leaf;
#[cfg(unix)]
pub(crate) mod machine;
pub(crate) mod manifest;
pub(crate) mod network;
pub(crate) mod pod;
#[cfg(target_os = "linux")]
pub(crate) mod quadlet;
pub(crate) mod secret;
pub(crate) mod system;
pub(crate) mod transport;
mod tree;
mod untar;
pub(crate) mod volume;
#[cfg(unix)]
pub(crate) mod working;

pub(crate) use leaf::{Entry, Group, Leaf, OptionPlace, Place, Target, find, leaf};
pub(crate) use transport::WholeArgs;
pub(crate) use tree::{SKOPEO, TREE, tree_of};
