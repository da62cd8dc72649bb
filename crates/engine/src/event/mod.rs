//! The event log: a file of JSON lines that every process appends to and follows live.
//!
//! A line is written under a lock of the file, so lines have the order of their times. Where the file would grow above
//! its limit, its newer half is written to a new file between two lines that say so; followers notice by inotify, which
//! also wakes them for each new line, and leave out what they have seen.
//!
//! With the backend `journald` each event is also an entry of systemd's journal, from where it is shown then.

mod filter;
mod journal;
mod line;
mod log;
mod read;

pub(crate) use journal::{Journal, SOCKET as JOURNAL, fields as journal_fields};
pub(crate) use log::{Backend, EventLog, Place};

/// The attribute of a container's inspection in the event of its creation.
pub(crate) const INSPECT_DATA: &str = "containerInspectData";
