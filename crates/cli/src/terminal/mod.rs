//! The terminal and the streams of an attached process.

mod detach;
mod raw;
mod secret;
mod session;
mod signals;

pub(crate) use detach::DetachKeys;
pub(crate) use raw::{RawMode, size};
pub(crate) use secret::{ask, ask_secret, read_secret};
pub(crate) use session::{Ended, Session, Target};
pub(crate) use signals::{Arrived, Signals, ended_by, interrupted};
