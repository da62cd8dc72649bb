//! `cove image trust`: which images may be used.

pub(crate) mod set;
pub(crate) mod show;

use std::path::PathBuf;

use cove_config::Policy;

use crate::context::Context;

/// The policy that is shown or changed: the one that is named, else the one that decides.
fn place(context: &Context, named: Option<&PathBuf>) -> PathBuf {
    named.cloned().unwrap_or_else(|| Policy::place(&context.directories))
}
