//! Kubernetes YAML, over the use-cases of pods, containers, volumes and secrets.

mod api;
mod apply;
mod archive;
mod down;
mod generate;
mod host_path;
mod images;
mod named;
mod play;
mod secrets;
mod volumes;
