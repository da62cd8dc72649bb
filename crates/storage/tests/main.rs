//! The store against real archives and, where it is installed, against podman.

#![cfg(target_os = "linux")]

#[path = "it/archives.rs"]
mod archives;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/fixture.rs"]
mod fixture;
#[path = "it/mapped.rs"]
mod mapped;
#[path = "it/names.rs"]
mod names;
#[path = "it/podman.rs"]
mod podman;
#[path = "it/rootless.rs"]
mod rootless;
