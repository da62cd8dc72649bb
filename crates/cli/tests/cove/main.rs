//! What the command line writes: every table, the messages that scripts read, and what a hostile name may not do.
//! The words are kept in `snapshots/`; a change shows there. `INSTA_UPDATE=always cargo test -p cove-cli --test cove`
//! writes them anew.
#![cfg(unix)]

mod answers;
mod command;
mod convert;
mod errors;
mod hostile;
mod lines;
mod service;
mod tables;
