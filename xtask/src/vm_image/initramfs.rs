//! The initramfs: busybox, the script `vm-images/initramfs/init` and the drivers of the disk, as an archive that is not
//! compressed, because an emulated guest copies faster than it unpacks.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use cove_sys::fs;

use super::kernel::parse_dependencies;
use super::{epoch, text, words};

/// File types of the archive's mode field (stat(2)).
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const FILE: u32 = 0o100_644;
const LINK: u32 = 0o120_777;

/// Writes `initramfs` into `out`, for the kernel `version` of `tree`.
pub(super) fn make(out: &Path, recipe: &Path, tree: &Path, version: &str) -> Result<(), String> {
    let recipe = recipe.join("initramfs");
    let wanted = words(&recipe.join("modules"))?;
    let modules = tree.join("usr/lib/modules").join(version);
    let dependencies = fs::read_to_string(modules.join("modules.dep")).map_err(text)?;
    let built_in = fs::read_to_string(modules.join("modules.builtin")).map_err(text)?;
    let drivers = to_load(&wanted, &built_in);
    let (chosen, list) = choose(&dependencies, &drivers)?;

    let mut archive = Archive::default();
    for folder in ["bin", "dev", "proc", "root"] {
        archive.add(folder, FOLDER, b"");
    }
    archive.add("init", PROGRAM, &fs::read(recipe.join("init")).map_err(text)?);
    archive.add("drivers", FILE, format!("{}\n", drivers.join(" ")).as_bytes());
    archive.add("bin/busybox", PROGRAM, &fs::read(tree.join("usr/bin/busybox")).map_err(text)?);
    for applet in words(&recipe.join("applets"))? {
        archive.add(&format!("bin/{applet}"), LINK, b"busybox");
    }
    let base = format!("lib/modules/{version}");
    archive.add_parents(&format!("{base}/modules.dep"));
    archive.add(&format!("{base}/modules.dep"), FILE, list.as_bytes());
    for module in chosen {
        let name = format!("{base}/{module}");
        archive.add_parents(&name);
        archive.add(&name, FILE, &fs::read(modules.join(&module)).map_err(text)?);
    }
    fs::write(out.join("initramfs"), archive.finish()).map_err(text)
}

/// Those that are not part of the kernel itself.
fn to_load(names: &[String], built_in: &str) -> Vec<String> {
    names.iter().filter(|name| !built_in.lines().any(|path| module_name(path) == **name)).cloned().collect()
}

/// The files of the named modules and of all they need, and the `modules.dep` of just these.
fn choose(dependencies: &str, names: &[String]) -> Result<(BTreeSet<String>, String), String> {
    let all = parse_dependencies(dependencies);
    let mut chosen = BTreeSet::new();
    for name in names {
        let path = all.keys().find(|path| module_name(path) == *name);
        let path = path.ok_or_else(|| format!("the kernel has no module {name}"))?;
        chosen.insert(path.clone());
        chosen.extend(all[path].iter().cloned());
    }
    let mut list = String::new();
    for path in &chosen {
        let _ = writeln!(list, "{}", format!("{path}: {}", all[path].join(" ")).trim_end());
    }
    Ok((chosen, list))
}

/// `kernel/drivers/virtio/virtio-rng.ko.xz` is `virtio_rng`.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}

/// A cpio archive in the form the kernel unpacks ("newc", Documentation/driver-api/early-userspace/buffer-format.rst).
#[derive(Default)]
struct Archive {
    data: Vec<u8>,
    entries: u32,
    folders: BTreeSet<String>,
}

impl Archive {
    /// Adds an entry; a link's content is its target.
    fn add(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let folder = mode == FOLDER;
        let fields = [
            self.entries,
            mode,
            0,
            0,
            if folder { 2 } else { 1 },
            u32::try_from(epoch()).unwrap_or(u32::MAX),
            u32::try_from(content.len()).unwrap_or(u32::MAX),
            0,
            0,
            0,
            0,
            u32::try_from(name.len() + 1).unwrap_or(u32::MAX),
            0,
        ];
        let mut header = String::from("070701");
        for field in fields {
            let _ = write!(header, "{field:08X}");
        }
        self.data.extend_from_slice(header.as_bytes());
        self.data.extend_from_slice(name.as_bytes());
        self.data.push(0);
        self.pad();
        self.data.extend_from_slice(content);
        self.pad();
        if folder {
            self.folders.insert(name.to_owned());
        }
    }

    /// Adds the folders above `name` that are not there yet.
    fn add_parents(&mut self, name: &str) {
        for (at, _) in name.match_indices('/') {
            if !self.folders.contains(&name[..at]) {
                self.add(&name[..at], FOLDER, b"");
            }
        }
    }

    fn pad(&mut self) {
        self.data.resize(self.data.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, b"");
        self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_with_what_they_need() {
        let list = "kernel/b/virtio_blk.ko: kernel/v/virtio.ko kernel/v/virtio_ring.ko\n\
                    kernel/v/virtio.ko: kernel/v/virtio_ring.ko\nkernel/v/virtio_ring.ko:\nkernel/x.ko:\n";
        let (chosen, kept) = choose(list, &["virtio_blk".to_owned()]).unwrap();
        assert_eq!(chosen.len(), 3);
        assert!(kept.contains("kernel/v/virtio_ring.ko:\n") && !kept.contains("kernel/x.ko"));
        assert!(choose(list, &["nvme".to_owned()]).unwrap_err().contains("nvme"));
        let names = ["virtio_pci".to_owned(), "virtio_blk".to_owned()];
        assert_eq!(to_load(&names, "kernel/fs/x.ko\nkernel/v/virtio-pci.ko\n"), ["virtio_blk"]);
    }

    #[test]
    fn the_archive_is_what_cpio_reads() {
        let mut archive = Archive::default();
        archive.add_parents("a/b/file");
        archive.add("a/b/file", FILE, b"12345");
        let data = archive.finish();
        assert!(data.len().is_multiple_of(4) && data.starts_with(b"070701"));
        let text = String::from_utf8_lossy(&data);
        for part in ["a\0", "a/b\0", "a/b/file\0", "12345\0", "TRAILER!!!\0"] {
            assert!(text.contains(part), "{part:?}");
        }
        // Mode and size of the file stand in its header.
        let at = text.find("a/b/file").unwrap();
        assert_eq!(&text[at - 110 + 14..at - 110 + 22], "000081A4");
        assert_eq!(&text[at - 110 + 54..at - 110 + 62], "00000005");
    }
}
