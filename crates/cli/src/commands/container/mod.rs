//! Containers.

pub(crate) mod attach;
pub(crate) mod checkpoint;
pub(crate) mod cleanup;
pub(crate) mod clone;
pub(crate) mod commit;
pub(crate) mod cp;
pub(crate) mod create;
pub(crate) mod diff;
pub(crate) mod exec;
pub(crate) mod exists;
pub(crate) mod export;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod mount;
pub(crate) mod pause;
pub(crate) mod port;
pub(crate) mod prune;
pub(crate) mod remove;
pub(crate) mod rename;
pub(crate) mod restart;
pub(crate) mod restore;
pub(crate) mod run;
#[cfg(unix)]
pub(crate) mod runlabel;
mod session;
pub(crate) mod start;
pub(crate) mod stats;
pub(crate) mod stop;
pub(crate) mod targets;
pub(crate) mod top;
pub(crate) mod unmount;
pub(crate) mod unpause;
pub(crate) mod update;
pub(crate) mod wait;

pub(crate) use logs::{LogFlags, show as show_logs};
use session::{check_streams, exit_code};
pub(crate) use session::{detach_keys, narrow};
pub(crate) use targets::latest;
use targets::{Targets, id_in};
pub(crate) use top::{asked as processes_of, print as print_processes};
