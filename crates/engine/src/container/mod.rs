//! Containers: creation, life cycle, and what is told about them.

mod resolve;
mod signal;
mod state;
