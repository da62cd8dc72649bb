//! Quadlet: unit files that describe containers, pods, volumes, networks, images and builds, as services of systemd.
//!
//! [`SearchPlaces`] says which folders have such files, [`load`] reads them and their drop-ins, [`generate`] turns them
//! into services whose commands are the engine's, [`write()`] puts those where systemd looks. [`Installed`] is the
//! folder that the user's own files are installed in. What the keys mean is podman-systemd.unit(5).
//!
//! Nothing here knows an engine or talks to systemd.

mod bundle;
mod command_line;
mod convert;
mod drop_ins;
mod error;
mod generate;
mod ids;
mod installed;
mod kind;
mod load;
mod output;
mod path;
mod search;
mod unit;
mod words;

pub use bundle::split as split_bundle;
pub use convert::{Known, Target, Units, convert};
pub use error::{Error, Place, Result};
pub use generate::{Remark, generate, known_units};
pub use installed::{Application, Installed, Source};
pub use kind::Kind;
pub use load::{Loaded, MAX_FILE, load, load_file, load_whole};
pub use output::write;
pub use search::SearchPlaces;
pub use unit::UnitFile;
pub use words::{command as split_words, join as join_words};
