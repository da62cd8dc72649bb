//! What is done on the screen's order.

pub(crate) mod containers;
pub(crate) mod files;
pub(crate) mod flows;
pub(crate) mod images;
pub(crate) mod logs;
pub(crate) mod machines;
pub(crate) mod make;
pub(crate) mod pods;
pub(crate) mod program;
pub(crate) mod registries;
pub(crate) mod remove;
pub(crate) mod run;
pub(crate) mod stats;
pub(crate) mod system;
pub(crate) mod terminal;
