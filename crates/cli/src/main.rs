//! The `cove` command.
#![allow(dead_code, unused_imports)]
mod format;
fn main() {}
