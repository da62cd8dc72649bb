//! Services of systemd for containers and pods that exist (`generate systemd`): [`command`] makes the command that
//! created something into one that a unit runs, [`text`] is the unit, [`container`] and [`pod`] say what is in it.
//! [`update`] starts units again whose image has become another, [`spec`] is the request for another one.

mod api;
mod command;
mod container;
mod pod;
mod spec;
mod text;
mod update;

pub(crate) use update::systemd_of;
