//! Lists of images for several platforms, kept in the store as podman keeps them.

mod add;
mod api;
mod artifact;
mod built;
mod inspect;
mod modify;
mod place;
mod push;
mod source;
mod stored;
mod write;

pub(crate) use built::{add_images, check_list, of_images, platforms};
pub(super) use place::stored as stored_image;
pub(super) use push::push;
pub(super) use source::ListSource;
pub(super) use stored::{instance, is_list, of_image};
