//! The kernel and its modules: what stays in the tree, and the file QEMU boots.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use cove_sys::fs;

use super::{Options, program, run, text, words};

/// Keeps the modules the recipe names and what they depend on.
pub(super) fn prune_modules(recipe: &Path, tree: &Path) -> Result<String, String> {
    let modules = tree.join("usr/lib/modules");
    let mut versions = Vec::new();
    for entry in fs::read_dir(&modules).map_err(text)? {
        versions.push(entry.map_err(text)?.file_name().to_string_lossy().into_owned());
    }
    let [version] = versions.as_slice() else {
        return Err(format!("one kernel expected in the packages, found {versions:?}"));
    };
    let depmod = || run(Command::new(program("depmod")).arg("-b").arg(tree.join("usr")).arg(version));
    depmod()?;
    let folder = modules.join(version);
    let dependencies = parse_dependencies(&fs::read_to_string(folder.join("modules.dep")).map_err(text)?);
    let keep = kept_modules(&dependencies, &words(&recipe.join("modules"))?);
    let mut packed = Vec::new();
    for module in dependencies.keys() {
        let path = folder.join(module);
        if !keep.contains(module.as_str()) {
            fs::remove_file(path).map_err(text)?;
        } else if module.ends_with(".xz") {
            packed.push(path);
        }
    }
    // As newer kernels have them: the guest would unpack them at each start.
    if !packed.is_empty() {
        run(Command::new(program("xz")).arg("--decompress").args(packed))?;
    }
    depmod()?;
    Ok(version.clone())
}

/// `modules.dep`: `PATH: DEPENDENCY…`.
pub(super) fn parse_dependencies(content: &str) -> BTreeMap<String, Vec<String>> {
    content
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(module, rest)| (module.to_owned(), rest.split_whitespace().map(str::to_owned).collect()))
        .collect()
}

fn kept_modules(dependencies: &BTreeMap<String, Vec<String>>, prefixes: &[String]) -> BTreeSet<String> {
    let mut keep = BTreeSet::new();
    for (module, needs) in dependencies {
        let path = module.strip_prefix("kernel/").unwrap_or(module);
        if prefixes.iter().any(|prefix| path.starts_with(prefix.as_str())) {
            keep.insert(module.clone());
            keep.extend(needs.iter().cloned());
        }
    }
    keep
}

/// The kernel for direct boot. An amd64 kernel is unpacked, because QEMU starts an ELF kernel through its PVH
/// entry without firmware and without decompressing it in the (perhaps emulated) guest.
pub(super) fn copy(options: &Options, tree: &Path, version: &str) -> Result<(), String> {
    let packed = tree.join("boot").join(format!("vmlinuz-{version}"));
    let data = fs::read(&packed).map_err(text)?;
    let target = options.out.join("kernel");
    if options.arch != "amd64" {
        return fs::write(&target, data).map_err(text);
    }
    match unpack(&data)? {
        Some(elf) => fs::write(&target, elf).map_err(text)?,
        None => fs::write(&target, data).map_err(text)?,
    }
    // Kernels in the tree would only be dead weight: QEMU loads the one beside the disk.
    for entry in fs::read_dir(tree.join("boot")).map_err(text)? {
        let path = entry.map_err(text)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz")) {
            fs::remove_file(path).map_err(text)?;
        }
    }
    Ok(())
}

/// The ELF image inside a bzImage that was packed with LZ4, or `None` for another compression.
fn unpack(image: &[u8]) -> Result<Option<Vec<u8>>, String> {
    // The boot protocol (Documentation/arch/x86/boot.rst): setup sectors, then payload offset and length.
    let byte = |offset: usize| image.get(offset).copied().ok_or("the kernel image is too short");
    let word = |offset: usize| -> Result<usize, String> {
        let bytes = image.get(offset..offset + 4).ok_or("the kernel image is too short")?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    if image.get(0x202..0x206) != Some(b"HdrS") {
        return Ok(None);
    }
    let setup = (usize::from(byte(0x1f1)?) + 1) * 512;
    let (offset, length) = (setup + word(0x248)?, word(0x24c)?);
    let payload =
        image.get(offset..offset + length).ok_or("the kernel image's payload is outside the file")?;
    if payload.get(..4) != Some(&[0x02, 0x21, 0x4c, 0x18]) {
        return Ok(None);
    }
    // The kernel's build appends the unpacked length as four bytes that are no part of the LZ4 stream.
    let stream = &payload[..payload.len() - 4];
    let folder = std::env::temp_dir().join(format!("cove-kernel-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(text)?;
    let (packed, elf) = (folder.join("packed.lz4"), folder.join("kernel"));
    let result = fs::write(&packed, stream)
        .map_err(text)
        .and_then(|()| run(Command::new("lz4").args(["-d", "-q", "-f"]).arg(&packed).arg(&elf)))
        .and_then(|()| fs::read(&elf).map_err(text));
    let _ = fs::remove_dir_all(&folder);
    let elf = result?;
    if elf.get(..4) != Some(b"\x7fELF") {
        return Err("the unpacked kernel is no ELF file".into());
    }
    Ok(Some(elf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_named_modules_with_their_dependencies() {
        let dependencies = parse_dependencies(
            "kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko kernel/net/llc/llc.ko\n\
             kernel/net/802/stp.ko: kernel/net/llc/llc.ko\nkernel/net/llc/llc.ko:\nkernel/fs/nfs/nfs.ko:\n",
        );
        let keep = kept_modules(&dependencies, &["net/bridge/".to_owned()]);
        assert_eq!(keep.len(), 3);
        assert!(!keep.contains("kernel/fs/nfs/nfs.ko"));
    }

    #[test]
    fn a_file_that_is_no_kernel_is_left_alone() {
        assert_eq!(unpack(&[0; 2048]).unwrap(), None);
        let mut image = vec![0; 2048];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248..0x24c].copy_from_slice(&0xffff_u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&16_u32.to_le_bytes());
        assert!(unpack(&image).is_err());
    }
}
