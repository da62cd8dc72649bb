//! What is done on the screen's order.

pub(crate) mod containers;
pub(crate) mod images;
pub(crate) mod logs;
pub(crate) mod machines;
pub(crate) mod remove;
pub(crate) mod run;
