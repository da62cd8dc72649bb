//! The command line: global options, and one command's options and arguments, parsed lazily: only the command that
//! was asked for is ever built.

mod count;
mod descriptors;
mod global;
#[cfg(test)]
mod hostile_tests;
mod line;
mod nearest;
mod refused;
pub(crate) mod registry;
mod scan;
mod signal;
pub(crate) mod signing;
mod skopeo;
pub(crate) mod spec;
mod stop_time;
mod tune;
mod usage;

/// The name by which the program has another command line.
pub(crate) const SKOPEO_NAME: &str = "skopeo";

pub(crate) use count::{at_least, at_most, exactly};
pub(crate) use descriptors::DescriptorArgs;
pub(crate) use global::{GlobalOptions, RootArgs, SharedArgs, absolute};
pub(crate) use line::inner_command;
pub(crate) use line::{Invocation, Parsed, build, help_text, parse};
#[cfg(unix)]
pub(crate) use line::{inner, matched};
pub(crate) use nearest::suggestion;
pub(crate) use scan::first_positional;
pub(crate) use signal::signal;
pub(crate) use stop_time::stop_time;
#[cfg(test)]
pub(crate) use tune::parsed;
pub(crate) use tune::tuned;
