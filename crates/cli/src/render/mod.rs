//! Values as people read them: sizes, ages, ports, tables, progress.

mod ports;
mod progress;
mod size;
mod time;
mod yaml;

pub(crate) use ports::ports;
pub(crate) use progress::PullProgress;
pub(crate) use size::{human_size, human_size_spaced};
pub(crate) use time::{go_duration, local_zone};
pub(crate) use yaml::to_yaml;

/// The first twelve characters of an id.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
