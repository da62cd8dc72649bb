//! Pods: containers that share namespaces and a life cycle.
//!
//! A pod is a row and its containers; its state follows from theirs. Namespaces outlive single containers in one of
//! them, the infra container, which runs nothing but a program that waits and which the others depend on.

mod act;
mod api;
mod cgroup;
mod copy;
mod create;
mod filter;
mod inspect;
mod join;
mod list;
mod lookup;
mod pause;
mod remove;
mod stats;

pub(crate) use act::after_member;
pub(crate) use cgroup::{place_cgroup, prepare_cgroup, release_cgroup};
pub(crate) use copy::free_name;
pub(crate) use join::{join, settle_member};
pub(crate) use lookup::no_such_pod;
pub(crate) use pause::{wait_in, write_program};
pub(crate) use remove::remove_with_infra;
