//! A booted machine.
