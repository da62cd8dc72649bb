//! The engine through its command line, its API and the clients beside it.
//!
//! Each test makes a bed (a throw-away store) of its own, so that they can run at once.

mod api;
mod artifacts;
mod bad_input;
mod build;
mod build_by_hand;
mod build_commands;
mod build_graph;
mod build_options;
mod build_promises;
mod build_sources;
mod build_steps;
mod buildkit;
mod checkpoint;
mod clients;
mod completion;
mod compose;
mod defaults;
mod devices;
mod farm;
mod files;
mod flags;
mod health;
mod hostile_api;
mod images;
mod kube;
mod lifecycle;
mod logs;
mod manifests;
mod mounts;
mod network;
mod peers;
mod pods;
mod pulls;
mod quadlet;
mod registry;
mod reliability;
mod run;
mod secrets;
mod skopeo;
mod system;
mod terminal;
mod update;
mod userns;
mod volumes;
