//! Unit files of Quadlet: those of whose engine it is, and the systemd that runs their services.

mod api;
mod install;
mod list;
mod places;
mod remove;

pub use places::quadlet_places;
