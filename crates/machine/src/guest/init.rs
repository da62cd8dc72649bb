//! The order of the boot, and the loop that follows it.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use cove_sys::fs;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, WaitOptions, WaitStatus, setrlimit, wait};

use super::console::{line, problem, stage};
use super::modules::Modules;
use super::power::{Buttons, shut_down};
use super::services::Service;
use super::{channel, devices, files, mounts, network, services, swap};
use crate::boot_log::SHARED_FOLDER;
use crate::provision::{GROW, GuestNetwork};

/// How long processes may take to end at shutdown before they are killed.
const GRACE: Duration = Duration::from_secs(10);
/// How often a starting service is looked at.
const CHECK_EVERY: Duration = Duration::from_millis(10);

/// Becomes PID 1 or the provisioner of a machine, when this process was started as one of them: by the kernel as
/// `cove-init` (then it never returns), or by another init system as `cove-provision`. Answers the exit code
/// then, and `None` in every other process, PID 1 of a container among them.
#[must_use]
pub fn take_over() -> Option<u8> {
    let called_as = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&called_as).file_name()?;
    if name == "cove-init" && std::process::id() == 1 {
        init_main();
    }
    if name == "cove-init" && std::env::args_os().nth(1).is_some_and(|word| word == GROW) {
        return Some(grow_main());
    }
    (name == "cove-provision").then(provision_main)
}

/// Grows the root file system of a running machine whose disk has become larger.
fn grow_main() -> u8 {
    match devices::grow_root() {
        Ok(_) => 0,
        Err(error) => {
            problem("growing the root file system", error);
            1
        }
    }
}

/// What the machine needs from its host, under another init system.
fn provision_main() -> u8 {
    let modules = Modules::open();
    load(&modules, &["virtio_net"]);
    report("folders", files::make_folders());
    let swap_mib = configure(&modules);
    stage("network");
    let code = grow_main();
    // Only now is there room for it.
    report("swap", swap::set(swap_mib));
    code
}

/// Boots the machine and keeps it running; returns only by switching it off.
fn init_main() -> ! {
    stage("init");
    mounts::mount_all();
    stage("mounts");
    let signals = block_signals();
    raise_limits();
    let modules = Modules::open();
    load(&modules, &["virtio_pci", "virtio_mmio", "virtio_net"]);
    stage("modules");
    report("folders", files::make_folders());
    let mut services = services::all();
    let swap_mib = configure(&modules);
    stage("network");
    for service in &mut services {
        service.start_if_due();
    }
    stage("started");
    // What nobody waits for comes after the start of the services.
    load(&modules, &["evdev", "button", "gpio_keys", "virtio_rng"]);
    let buttons = Buttons::open();
    report("machine id", files::machine_id());
    // Growing takes a second under emulation, and nobody waits for it.
    std::thread::spawn(move || {
        match devices::grow_root() {
            Ok(Some(size)) => line(format_args!("root file system grown to {size} bytes")),
            Ok(None) => {}
            Err(error) => problem("growing the root file system", error),
        }
        // Only now is there room for it.
        report("swap", swap::set(swap_mib));
    });
    stage("settled");
    supervise(services, buttons, signals)
}

/// Loads what the first container will need, while nobody waits: under emulation that saves it some seconds.
fn warm_up() {
    let modules = Modules::open();
    load(
        &modules,
        &[
            "overlay",
            "veth",
            "bridge",
            "nf_tables",
            "nft_chain_nat",
            "nft_ct",
            "nft_nat",
            "nft_masq",
            "nft_fib_inet",
        ],
    );
    for program in ["/usr/bin/cove-monitor", "/usr/bin/crun", "/usr/sbin/nft", "/usr/bin/catatonit"] {
        // Into the page cache; a missing one is the engine's to report.
        let _ = fs::read(program);
    }
}

/// Does what the host asks for; answers the swap, in MiB, for which there may be no room yet.
fn configure(modules: &Modules) -> u64 {
    let mut swap_mib = 0;
    match channel::read_config(modules) {
        Ok(config) => {
            report("random seed", devices::seed(&config.seed));
            if let Some(own) = &config.network {
                report("network", network::configure(own));
            }
            report("configuration", files::write_config(&config));
            report("time zone", files::set_zone(config.timezone.as_deref()));
            for problem_of_one in mounts::mount_folders(modules, &config.folders) {
                problem(SHARED_FOLDER, problem_of_one);
            }
            swap_mib = config.swap_mib;
        }
        Err(error) => {
            problem("no configuration from the host", error);
            report("network", network::configure(&GuestNetwork::qemu_user()));
        }
    }
    files::sysctls();
    swap_mib
}

fn load(modules: &Modules, names: &[&str]) {
    for name in names {
        report(name, modules.load(name));
    }
}

fn report(what: &str, result: Result<(), String>) {
    if let Err(error) = result {
        problem(what, error);
    }
}

fn raise_limits() {
    let limit = Rlimit { current: Some(1_048_576), maximum: Some(1_048_576) };
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        problem("open files limit", error);
    }
    // A service's core dump would fill the disk.
    let none = Rlimit { current: Some(0), maximum: None };
    let _ = setrlimit(Resource::Core, none);
    // Ctrl-Alt-Del becomes SIGINT instead of an instant restart.
    let _ = rustix::system::reboot(rustix::system::RebootCommand::CadOff);
}

/// Blocks the signals PID 1 listens to and opens a descriptor for them (signalfd(2)).
fn block_signals() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by sigemptyset; the calls only read it.
    let fd = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGUSR1, libc::SIGUSR2] {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was just opened and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn supervise(mut services: Vec<Service>, mut buttons: Buttons, signals: io::Result<OwnedFd>) -> ! {
    let signals = match signals {
        Ok(signals) => Some(signals),
        Err(error) => {
            problem("signals", error);
            None
        }
    };
    loop {
        for service in &mut services {
            service.start_if_due();
            if service.check() && service.is_engine() {
                services::start_containers();
                std::thread::spawn(warm_up);
            }
        }
        let wait_for = next_wake(&services, signals.is_some());
        let mut descriptors: Vec<PollFd<'_>> =
            buttons.descriptors().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        if let Some(signals) = &signals {
            descriptors.push(PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN));
        }
        let _ = poll(&mut descriptors, wait_for.as_ref());
        drop(descriptors);
        if buttons.pressed() {
            shut_down(false, GRACE);
        }
        if let Some(restart) = signals.as_ref().and_then(asked_to_stop) {
            shut_down(restart, GRACE);
        }
        reap(&mut services);
    }
}

/// The time until something has to be looked at again; `None` to wait for an event.
fn next_wake(services: &[Service], has_signals: bool) -> Option<Timespec> {
    let now = Instant::now();
    let mut wait_for = if has_signals { None } else { Some(Duration::from_millis(200)) };
    for service in services {
        let candidate = match service.due() {
            Some(due) => due.saturating_duration_since(now),
            None if service.is_pending() => CHECK_EVERY,
            None => continue,
        };
        wait_for = Some(wait_for.map_or(candidate, |shortest| shortest.min(candidate)));
    }
    wait_for.map(|wait_for| Timespec {
        tv_sec: i64::try_from(wait_for.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(wait_for.subsec_nanos()),
    })
}

/// Reads the waiting signals; `Some(restart)` when one of them means the end (busybox' poweroff, halt, reboot).
fn asked_to_stop(signals: &OwnedFd) -> Option<bool> {
    let mut answer = None;
    let mut buffer = [0; size_of::<libc::signalfd_siginfo>()];
    while let Ok(count) = rustix::io::read(signals, &mut buffer) {
        if count < buffer.len() {
            break;
        }
        // The signal's number is the structure's first field.
        let number = i32::from_ne_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]);
        match number {
            libc::SIGUSR1 | libc::SIGUSR2 => answer = Some(false),
            libc::SIGTERM | libc::SIGINT => answer = Some(true),
            _ => {}
        }
    }
    answer
}

fn reap(services: &mut [Service]) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        let status = describe(status);
        let _ = services.iter_mut().any(|service| service.ended(pid, &status));
    }
}

fn describe(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        _ => "unknown status".into(),
    }
}
