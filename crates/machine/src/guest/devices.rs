//! Entropy from the host, and the root file system grown to the size of its disk.

use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::path::Path;

use cove_sys::fs;

/// `_IOW('R', 0x03, int[2])`, random(4).
const RNDADDENTROPY: libc::c_ulong = 0x4008_5203;
/// `_IOW('f', 16, u64)`, ext4 online resize.
const EXT4_IOC_RESIZE_FS: libc::c_ulong = 0x4008_6610;
const SEED_BYTES: usize = 64;

#[repr(C)]
struct Entropy {
    bits: libc::c_int,
    size: libc::c_int,
    data: [u8; SEED_BYTES],
}

/// Credits the host's random bytes (hexadecimal) to the kernel's generator.
pub(super) fn seed(hex: &str) -> Result<(), String> {
    let bytes = from_hex(hex).ok_or("the seed is not hexadecimal")?;
    let count = bytes.len().min(SEED_BYTES);
    let mut entropy = Entropy { bits: 0, size: 0, data: [0; SEED_BYTES] };
    entropy.data[..count].copy_from_slice(&bytes[..count]);
    entropy.size = i32::try_from(count).unwrap_or(0);
    entropy.bits = entropy.size * 8;
    let file = fs::OpenOptions::new().write(true).open("/dev/random").map_err(|error| error.to_string())?;
    // SAFETY: the structure is laid out as random(4) says and outlives the call.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), RNDADDENTROPY as _, &raw const entropy) };
    if result < 0 { Err(io::Error::last_os_error().to_string()) } else { Ok(()) }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.trim().chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Grows the root file system where the disk has become larger; answers the new size in bytes.
pub(super) fn grow_root() -> Result<Option<u64>, String> {
    let command_line = fs::read_to_string("/proc/cmdline").map_err(|error| error.to_string())?;
    let Some(device) = root_device(&command_line) else { return Ok(None) };
    let sectors = fs::read_to_string(Path::new("/sys/class/block").join(device).join("size"))
        .map_err(|error| error.to_string())?;
    let disk = sectors.trim().parse::<u64>().map_err(|error| error.to_string())?.saturating_mul(512);
    let mut file = fs::File::open(Path::new("/dev").join(device)).map_err(|error| error.to_string())?;
    let mut superblock = [0; 1024];
    file.seek(SeekFrom::Start(1024)).map_err(|error| error.to_string())?;
    file.read_exact(&mut superblock).map_err(|error| error.to_string())?;
    let Some((blocks, block_size)) = ext4_size(&superblock) else { return Ok(None) };
    let wanted = disk / block_size;
    // Less than one block group more is not worth the work.
    if wanted < blocks.saturating_add(32 * 1024) {
        return Ok(None);
    }
    let root = fs::File::open("/").map_err(|error| error.to_string())?;
    // SAFETY: the request reads one u64, which lives until the call returns.
    let result = unsafe { libc::ioctl(root.as_raw_fd(), EXT4_IOC_RESIZE_FS as _, &raw const wanted) };
    if result < 0 {
        return Err(io::Error::last_os_error().to_string());
    }
    Ok(Some(wanted * block_size))
}

/// The name of `root=/dev/NAME` on the kernel's command line.
fn root_device(command_line: &str) -> Option<&str> {
    let value = command_line.split_whitespace().rev().find_map(|word| word.strip_prefix("root=/dev/"))?;
    (!value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric())).then_some(value)
}

/// Number and size in bytes of the blocks an ext4 superblock names.
fn ext4_size(superblock: &[u8; 1024]) -> Option<(u64, u64)> {
    let word = |at: usize| {
        u32::from_le_bytes([superblock[at], superblock[at + 1], superblock[at + 2], superblock[at + 3]])
    };
    if superblock[0x38..0x3a] != [0x53, 0xef] {
        return None;
    }
    let shift = word(0x18);
    // The high half counts only where the file system has the 64bit feature.
    let high = if word(0x60) & 0x80 == 0 { 0 } else { word(0x150) };
    (shift <= 6).then(|| (u64::from(word(0x04)) | u64::from(high) << 32, 1024 << shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal() {
        assert_eq!(from_hex("00fF\n"), Some(vec![0, 255]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("zz"), None);
    }

    #[test]
    fn finds_the_root_device() {
        assert_eq!(root_device("quiet root=/dev/nvme0n1 rw"), Some("nvme0n1"));
        assert_eq!(root_device("root=/dev/../x"), None);
        assert_eq!(root_device("quiet"), None);
    }

    #[test]
    fn reads_a_superblock() {
        let mut block = [0; 1024];
        assert_eq!(ext4_size(&block), None);
        block[0x38..0x3a].copy_from_slice(&[0x53, 0xef]);
        block[0x04] = 7;
        block[0x18] = 2;
        block[0x60] = 0x80;
        block[0x150] = 1;
        assert_eq!(ext4_size(&block), Some((7 | 1 << 32, 4096)));
    }
}
