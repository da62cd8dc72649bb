//! PID 1 inside a machine (Linux only): the same binary as the engine, started by the kernel as
//! `/usr/sbin/cove-init`.
//!
//! It does what a general init system needs 40 seconds of emulated processor time for, and nothing more: mounts,
//! a few kernel modules, the network, keys from the host, sshd, the engine's API service, reaping, and an orderly
//! end when the host presses the power button. Under another init system (the image with systemd) it only fetches
//! what the host has to say, as `/usr/sbin/cove-provision`.
//! Everything it says goes to the console, which the host keeps in
//! the machine's folder.

mod channel;
mod console;
mod devices;
mod files;
mod init;
mod modules;
mod mounts;
mod network;
mod power;
mod services;
mod swap;

pub use init::take_over;
