//! The files of containers and images: copying, comparing, exporting, committing.

mod api;
mod changes;
mod commit;
mod copy;
mod list;
mod mounts;
mod root_fs;
mod tree;
mod view;

pub(crate) use changes::changes;
pub(crate) use copy::pack_all;
pub(crate) use root_fs::Owners;
pub(crate) use view::user_ids;
