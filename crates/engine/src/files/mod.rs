//! The files of containers and images: copying, comparing, exporting, committing.

mod api;
mod changes;
mod commit;
mod copy;
mod mounts;
mod root_fs;
mod tree;
mod view;
