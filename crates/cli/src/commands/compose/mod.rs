//! `cove compose`: the projects of Compose files. A command is a file here and a line in [`COMMANDS`]; what it has to know
//! of the options before it is in [`line::Line`], and what the engine has of the project in [`here::Here`].

mod attach;
mod attended;
mod bring;
mod build;
mod building;
mod config;
mod cp;
mod create;
mod dispatch;
mod down;
mod events;
mod exec;
mod here;
mod images;
mod kill;
mod line;
mod list;
mod logs;
mod pause;
mod port;
mod progress;
mod provider;
mod ps;
mod pull;
mod push;
mod remove;
mod restart;
mod run;
mod scale;
mod start;
mod stats;
mod steps;
mod stop;
mod table;
mod top;
mod unpause;
mod up;
mod version;
mod volumes;
mod wait;
mod watch;

pub(crate) use dispatch::{COMMAND, help_of, note_line, options, place, services};
pub(crate) use line::Line;

use crate::commands::Entry;

/// Those of compose itself.
pub(crate) static COMMANDS: &[Entry] = &[
    Entry::leaf(&["attach"], &attach::COMMAND),
    Entry::leaf(&["build"], &build::COMMAND),
    Entry::leaf(&["config", "convert"], &config::COMMAND),
    Entry::leaf(&["cp"], &cp::COMMAND),
    Entry::leaf(&["create"], &create::COMMAND),
    Entry::leaf(&["down"], &down::COMMAND),
    Entry::leaf(&["events"], &events::COMMAND),
    Entry::leaf(&["exec"], &exec::COMMAND),
    Entry::leaf(&["images"], &images::COMMAND),
    Entry::leaf(&["kill"], &kill::COMMAND),
    Entry::leaf(&["logs"], &logs::COMMAND),
    Entry::leaf(&["ls"], &list::COMMAND),
    Entry::leaf(&["pause"], &pause::COMMAND),
    Entry::leaf(&["port"], &port::COMMAND),
    Entry::leaf(&["ps"], &ps::COMMAND),
    Entry::leaf(&["pull"], &pull::COMMAND),
    Entry::leaf(&["push"], &push::COMMAND),
    Entry::leaf(&["restart"], &restart::COMMAND),
    Entry::leaf(&["rm"], &remove::COMMAND),
    Entry::leaf(&["run"], &run::COMMAND),
    Entry::leaf(&["scale"], &scale::COMMAND),
    Entry::leaf(&["start"], &start::COMMAND),
    Entry::leaf(&["stats"], &stats::COMMAND),
    Entry::leaf(&["stop"], &stop::COMMAND),
    Entry::leaf(&["top"], &top::COMMAND),
    Entry::leaf(&["unpause"], &unpause::COMMAND),
    Entry::leaf(&["up"], &up::COMMAND),
    Entry::leaf(&["version"], &version::COMMAND),
    Entry::leaf(&["volumes"], &volumes::COMMAND),
    Entry::leaf(&["wait"], &wait::COMMAND),
    Entry::leaf(&["watch"], &watch::COMMAND),
];
