//! The event log: a file of JSON lines that every process appends to and follows live.
//!
//! A line is written under a lock of the file, so lines have the order of their times. Where the file would grow above
//! its limit, its newer half is written to a new file between two lines that say so; followers notice by inotify, which
//! also wakes them for each new line, and leave out what they have seen.

mod filter;
mod line;
mod log;
mod read;

pub(crate) use log::{EventLog, Place};
