//! `cove builder …`, also called `buildx`: what people type who know Docker's.

pub(crate) mod inspect;
pub(crate) mod version;
