//! Artifacts: an OCI layout of its own beside the store, shared with podman.

mod api;
mod files;
mod store;
mod transfer;
