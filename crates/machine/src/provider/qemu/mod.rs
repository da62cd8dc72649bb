//! QEMU: direct kernel boot, user networking, QMP.

#[cfg(unix)]
mod accel;
pub(super) mod args;
#[cfg(unix)]
mod folders;
#[cfg(unix)]
mod provider;
#[cfg(unix)]
mod qmp;

#[cfg(unix)]
pub(super) use provider::Qemu;
