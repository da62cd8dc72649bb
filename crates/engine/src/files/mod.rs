//! The files of containers, images and volumes: looking, copying, comparing, exporting, committing.

mod api;
mod browse;
mod changes;
mod commit;
mod copy;
mod list;
mod mounts;
mod root_fs;
mod tree;
mod trees;
mod view;

pub(crate) use changes::changes;
pub(crate) use copy::pack_all;
pub(crate) use root_fs::Owners;
pub(crate) use view::user_ids;
