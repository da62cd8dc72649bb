//! Tar as tools write it and as attackers do.

mod hostile;
mod names;
mod support;
