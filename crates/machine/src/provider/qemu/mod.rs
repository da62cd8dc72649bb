//! QEMU: direct kernel boot, user networking, QMP.

mod accel;
pub(super) mod args;
mod provider;
mod qmp;

pub(super) use provider::Qemu;
