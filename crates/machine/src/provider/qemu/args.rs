//! QEMU's command line: a pure function of what is wanted.

use std::ffi::OsString;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::image::{DISK_QCOW2, INITRAMFS, KERNEL};
use crate::paths::MachinePaths;
use crate::provision::FW_CFG_NAME;
use crate::share::tag;

/// Name of the guest's disk on the control socket.
pub(super) const DISK_NODE: &str = "root";

/// How QEMU runs the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// The kernel's virtual machines.
    Kvm,
    /// Software emulation.
    Tcg,
}

impl Accelerator {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// What the VM is to be.
#[derive(Clone, Debug)]
pub struct QemuSpec<'a> {
    /// Name for the process list.
    pub name: &'a str,
    /// Architecture (Debian's name): `amd64` or `arm64`.
    pub arch: &'a str,
    /// `init` or `systemd`.
    pub variant: &'a str,
    /// How to run it.
    pub accelerator: Accelerator,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Port on 127.0.0.1 for the guest's sshd.
    pub ssh_port: u16,
    /// How many folders of the host it sees.
    pub folders: usize,
    /// The machine's files.
    pub paths: &'a MachinePaths,
}

/// The program for an architecture.
#[must_use]
pub(crate) fn program(arch: &str) -> &'static str {
    if arch == "arm64" { "qemu-system-aarch64" } else { "qemu-system-x86_64" }
}

/// The package of [`program`].
#[must_use]
pub(crate) fn package(arch: &str) -> &'static str {
    if arch == "arm64" {
        "qemu-system-arm (Fedora: qemu-system-aarch64-core)"
    } else {
        "qemu-system-x86 (Fedora: qemu-system-x86-core)"
    }
}

/// The arguments that start the VM. It does not go to the background by itself: QEMU cannot fork inside its sandbox.
#[must_use]
pub fn arguments(spec: &QemuSpec<'_>) -> Vec<OsString> {
    let paths = spec.paths;
    let mut list = ArgumentList(Vec::new());
    list.pair("-name", format!("cove-{}", spec.name));
    list.extend(machine(spec.arch, spec.accelerator));
    list.pair("-smp", spec.cpus.to_string());
    list.pair("-m", format!("{}M", spec.memory_mib));
    list.flag("-nodefaults");
    list.flag("-no-user-config");
    list.pair("-display", "none");
    // A panicked or restarting guest ends the process, which the host sees and can say.
    list.flag("-no-reboot");
    list.pair("-rtc", "base=utc,clock=host");
    // QEMU parses what the guest sends; it has no need for new processes or privileges.
    list.pair("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny");
    list.path_pair("-kernel", "", &paths.folder.join(KERNEL));
    list.path_pair("-initrd", "", &paths.folder.join(INITRAMFS));
    list.pair("-append", kernel_command_line(spec.arch, spec.variant));
    list.path_pair(
        "-blockdev",
        &format!("driver=qcow2,node-name={DISK_NODE},discard=unmap,file.driver=file,file.discard=unmap,file.filename="),
        &paths.folder.join(DISK_QCOW2),
    );
    // Not NVMe, although the kernel has that built in: with the device of QEMU 7.2 a request is now and then never
    // answered. The cause is suspected, not proven: it tells the driver where to ring next (shadow doorbells) and then
    // looks for work without a memory barrier in between.
    list.pair("-device", format!("virtio-blk-pci,drive={DISK_NODE},serial=cove-root"));
    list.pair("-netdev", format!("user,id=net0,ipv6=off,hostfwd=tcp:127.0.0.1:{}-:22", spec.ssh_port));
    list.pair("-device", "virtio-net-pci,netdev=net0,romfile=");
    list.pair("-device", "virtio-rng-pci");
    if spec.folders > 0 {
        // Those who serve them write into the guest's memory.
        list.pair("-object", format!("memory-backend-memfd,id=memory,size={}M,share=on", spec.memory_mib));
        list.pair("-machine", "memory-backend=memory");
    }
    for index in 0..spec.folders {
        list.path_pair("-chardev", &format!("socket,id=folder{index},path="), &paths.folder_socket(index));
        list.pair("-device", format!("vhost-user-fs-pci,chardev=folder{index},tag={}", tag(index)));
    }
    list.path_pair("-fw_cfg", &format!("name={FW_CFG_NAME},file="), &paths.guest_config());
    // Opened for appending, so that the agent can cut a log that grows too large.
    list.path_pair("-chardev", "file,id=console,append=on,path=", &paths.console());
    list.pair("-serial", "chardev:console");
    list.path_pair("-chardev", "socket,id=qmp,server=on,wait=off,path=", &paths.qmp());
    list.pair("-mon", "chardev=qmp,mode=control");
    list.path_pair("-pidfile", "", &paths.pid());
    list.0
}

/// The arguments that say what hardware there is; the accelerator probe uses them too.
pub(crate) fn machine(arch: &str, accelerator: Accelerator) -> Vec<OsString> {
    let mut list = ArgumentList(Vec::new());
    list.pair("-machine", if arch == "arm64" { "virt" } else { "q35" });
    match accelerator {
        Accelerator::Kvm => {
            list.pair("-accel", "kvm");
            list.pair("-cpu", "host");
        }
        Accelerator::Tcg => {
            list.pair("-accel", "tcg,thread=multi");
            list.pair("-cpu", "max");
        }
    }
    list.0
}

pub(crate) fn console_device(arch: &str) -> &'static str {
    if arch == "arm64" { "ttyAMA0" } else { "ttyS0" }
}

fn kernel_command_line(arch: &str, variant: &str) -> String {
    let init = if variant == "systemd" { "/lib/systemd/systemd" } else { "/usr/sbin/cove-init" };
    format!(
        "root=/dev/vda rw rootflags=noinit_itable console={} loglevel=5 panic=-1 net.ifnames=0 init={init}",
        console_device(arch)
    )
}

struct ArgumentList(Vec<OsString>);

impl ArgumentList {
    fn flag(&mut self, flag: &str) {
        self.0.push(flag.into());
    }

    fn pair(&mut self, flag: &str, value: impl Into<OsString>) {
        self.flag(flag);
        self.0.push(value.into());
    }

    fn extend(&mut self, more: Vec<OsString>) {
        self.0.extend(more);
    }

    /// A path at the end of a comma-separated value: its commas are doubled, unless it is the whole value.
    fn path_pair(&mut self, flag: &str, before: &str, path: &Path) {
        let mut value = OsString::from(before);
        if before.is_empty() {
            value.push(path);
        } else {
            value.push(path.to_string_lossy().replace(',', ",,"));
        }
        self.pair(flag, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::MachineFolders;
    use crate::provider::ProviderKind;

    fn line(arch: &str, accelerator: Accelerator, data: &str) -> String {
        let folders = MachineFolders { data: data.into(), runtime: "/run/m".into() };
        let paths = folders.machine(ProviderKind::Qemu, &"dev".parse().unwrap());
        let spec = QemuSpec {
            name: "dev",
            arch,
            variant: "init",
            accelerator,
            cpus: 2,
            memory_mib: 2048,
            ssh_port: 40022,
            folders: 1,
            paths: &paths,
        };
        let list = arguments(&spec);
        list.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn holds_what_was_asked_for() {
        let line = line("amd64", Accelerator::Tcg, "/d");
        for part in [
            "-machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 2048M",
            "hostfwd=tcp:127.0.0.1:40022-:22",
            "-fw_cfg name=opt/cove/guest,file=/run/m/dev/guest.json",
            "file.filename=/d/qemu/dev/disk.qcow2",
            "-initrd /d/qemu/dev/initramfs",
            "virtio-blk-pci,drive=root",
            "root=/dev/vda",
            "console=ttyS0",
            "init=/usr/sbin/cove-init",
            "-object memory-backend-memfd,id=memory,size=2048M,share=on -machine memory-backend=memory",
            "-chardev socket,id=folder0,path=/run/m/dev/f0.sock -device vhost-user-fs-pci,chardev=folder0,tag=cove0",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn arm_has_its_own_machine_and_console() {
        let line = line("arm64", Accelerator::Kvm, "/d");
        assert!(line.contains("-machine virt -accel kvm -cpu host"));
        assert!(line.contains("console=ttyAMA0"));
    }

    #[test]
    fn commas_in_paths_stay_part_of_the_path() {
        let line = line("amd64", Accelerator::Tcg, "/d,readonly=on");
        assert!(line.contains("file.filename=/d,,readonly=on/qemu"));
        assert!(line.contains("-kernel /d,readonly=on/qemu"));
    }
}
