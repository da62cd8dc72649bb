//! Compose files: found, read within bounds, merged, validated, and written as `docker-compose config` writes them.
//!
//! The [`model`] is what every use begins with: a project whose services have all attributes in their long form.

pub mod model;
