//! Whether KVM really works here.
//!
//! `/dev/kvm` being there says little: on some hosts of nested machines a guest hangs before its first
//! instruction. So a kernel is started for a moment, and the answer is kept until the host restarts.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use cove_sys::{atomic, fs};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::args::{Accelerator, console_device, machine, program};
use crate::error::Result;
use crate::program::with_us;

/// A working KVM prints the first line after a tenth of a second.
const PROBE_TIME: Duration = Duration::from_secs(4);

/// The decision and, where it is not KVM, the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decision {
    pub(super) accelerator: Accelerator,
    pub(super) note: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Cached {
    boot_id: String,
    arch: String,
    decision: Decision,
}

/// The accelerator for `arch`; the probe boots `kernel`.
pub(super) async fn decide(cache: &Path, arch: &str, kernel: &Path) -> Result<Decision> {
    if arch != crate::image::host_arch() {
        return Ok(emulation(format!("{arch} is not this host's architecture")));
    }
    if !cfg!(target_os = "linux") {
        return Ok(emulation("there is no KVM on this system".into()));
    }
    // These two cost nothing to ask again, and the user may just have repaired them.
    if let Err(reason) = device_usable() {
        return Ok(emulation(reason));
    }
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if let Some(decision) = read_cache(cache, &boot_id, arch) {
        return Ok(decision);
    }
    let decision = match probe(arch, kernel).await {
        Ok(()) => Decision { accelerator: Accelerator::Kvm, note: None },
        Err(reason) => emulation(reason),
    };
    let cached = Cached { boot_id, arch: arch.to_owned(), decision: decision.clone() };
    if let Ok(json) = serde_json::to_vec(&cached) {
        // A cache that cannot be written costs the next start a few seconds.
        let _ = atomic::write(cache, &json, 0o600);
    }
    Ok(decision)
}

/// Why KVM will not be used, as far as that is known without a test.
pub(super) fn obstacle(cache: &Path) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return emulation("there is no KVM on this system".into()).note;
    }
    if let Err(reason) = device_usable() {
        return emulation(reason).note;
    }
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    read_cache(cache, &boot_id, crate::image::host_arch())?.note
}

fn emulation(reason: String) -> Decision {
    let note =
        format!("{reason}: the machine runs under software emulation (TCG), which is many times slower");
    Decision { accelerator: Accelerator::Tcg, note: Some(note) }
}

fn device_usable() -> std::result::Result<(), String> {
    match fs::OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err("there is no /dev/kvm".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn read_cache(path: &Path, boot_id: &str, arch: &str) -> Option<Decision> {
    let cached: Cached = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (cached.boot_id == boot_id && cached.arch == arch).then_some(cached.decision)
}

/// Boots the kernel and waits for its first words.
async fn probe(arch: &str, kernel: &Path) -> std::result::Result<(), String> {
    let console = console_device(arch);
    let early = if arch == "arm64" { "earlycon".to_owned() } else { format!("earlyprintk={console}") };
    let mut command = Command::new(program(arch));
    // A kernel that hangs would run on for ever after a killed start.
    with_us(&mut command);
    let mut child = command
        .args(machine(arch, Accelerator::Kvm))
        .args([
            "-m",
            "256M",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
            "-serial",
            "stdio",
        ])
        .arg("-kernel")
        .arg(kernel)
        .arg("-append")
        .arg(format!("console={console} {early} panic=-1"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let Some(mut output) = child.stdout.take() else { return Err("no output to read".into()) };
    let listen = async {
        let mut seen = Vec::new();
        let mut buffer = [0; 1024];
        while seen.len() < 64 * 1024 {
            match output.read(&mut buffer).await {
                Ok(0) | Err(_) => return false,
                Ok(count) => seen.extend_from_slice(&buffer[..count]),
            }
            if String::from_utf8_lossy(&seen).contains("Linux version") {
                return true;
            }
        }
        false
    };
    let answer = tokio::time::timeout(PROBE_TIME, listen).await;
    let _ = child.kill().await;
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => {
            let mut text = Vec::new();
            if let Some(stderr) = child.stderr.take() {
                let _ = stderr.take(16 * 1024).read_to_end(&mut text).await;
            }
            let last = crate::boot_log::tail(&String::from_utf8_lossy(&text), 1);
            Err(format!("KVM is there, but does not start a kernel ({last})"))
        }
        Err(_) => Err(format!("KVM is there, but a kernel did not start in {} s", PROBE_TIME.as_secs())),
    }
}
