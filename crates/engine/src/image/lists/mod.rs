//! Lists of images for several platforms, kept in the store as podman keeps them.

mod add;
mod api;
mod artifact;
mod inspect;
mod modify;
mod place;
mod push;
mod stored;

pub(super) use push::push;
pub(super) use stored::{instance, is_list, of_image};
