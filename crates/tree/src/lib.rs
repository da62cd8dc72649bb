//! Trees of files to and from tar, beneath an open directory: what `cp` does on both of its ends.
//!
//! A path is resolved as in a chroot, on Linux by `openat2`: a symbolic link means the tree's own file, whoever swaps
//! it meanwhile. What comes from an archive is bounded, and made through the descriptor of its directory.
//! [`write`] makes or replaces a single file.
#![cfg(unix)]

mod directories;
mod entries;
mod error;
mod pack;
mod remove;
mod root;
mod unpack;
#[cfg(target_os = "linux")]
mod write;

pub use directories::make_directories;
pub use entries::{Entries, Shown, Shows, kept_xattrs};
pub use error::{Error, Result};
pub use pack::{Owners, Packing, pack};
pub use remove::{names_of, remove, remove_at};
pub use root::{Look, Root};
pub use unpack::{Unpacking, is_archive, unpack};
#[cfg(target_os = "linux")]
pub use write::{Writing, write};
