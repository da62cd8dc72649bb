//! What is done on the screen's order.

mod archived;
pub(crate) mod containers;
pub(crate) mod files;
pub(crate) mod flows;
pub(crate) mod images;
pub(crate) mod kube;
pub(crate) mod limits;
pub(crate) mod logs;
pub(crate) mod machines;
pub(crate) mod make;
pub(crate) mod outlook;
pub(crate) mod places;
pub(crate) mod pods;
pub(crate) mod processes;
pub(crate) mod program;
pub(crate) mod projects;
pub(crate) mod registries;
pub(crate) mod remove;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod stats;
pub(crate) mod system;
pub(crate) mod terminal;
pub(crate) mod up;
pub(crate) mod volumes;
