//! `cove build-container …`: images made step by step, and what the program does when it is called `buildah`.

pub(crate) mod commit;
pub(crate) mod config;
pub(crate) mod copy;
pub(crate) mod from;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod mount;
pub(crate) mod remove;
pub(crate) mod rename;
pub(crate) mod run;
pub(crate) mod unmount;
