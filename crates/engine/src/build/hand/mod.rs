//! Working containers that are somebody's: images made step by step, by hand.
//!
//! One is a container of the store with the file that Buildah keeps of its own ones, in Buildah's form, so that both
//! programs have the same. What is done in it is done with a build's parts.

mod api;
mod begin;
mod commit;
mod configure;
mod copying;
mod record;
mod run;
