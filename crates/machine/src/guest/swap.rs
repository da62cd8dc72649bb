//! Swap in a file on the machine's disk.

use std::ffi::CString;
use std::io::{self, Write};
use std::path::Path;

use cove_sys::fs;
use rustix::fs::FallocateFlags;

/// The file, and the one that becomes it.
const FILE: &str = "/var/swap";
const NEW: &str = "/var/.swap.new";

/// Swaps to a file of that size, or to none.
///
/// # Errors
/// A sentence; the machine then runs without swap.
pub(super) fn set(mib: u64) -> Result<(), String> {
    let bytes = mib << 20;
    let _ = fs::remove_file(NEW);
    if fs::metadata(FILE).is_ok_and(|metadata| metadata.len() != bytes) {
        fs::remove_file(FILE).map_err(text)?;
    }
    if mib == 0 {
        return Ok(());
    }
    if !Path::new(FILE).exists()
        && let Err(error) = make(bytes)
    {
        let _ = fs::remove_file(NEW);
        return Err(text(error));
    }
    let path = CString::new(FILE).map_err(|error| error.to_string())?;
    // SAFETY: the path is a string with an end that lives until the call returns.
    let result = unsafe { libc::swapon(path.as_ptr(), 0) };
    if result < 0 { Err(text(io::Error::last_os_error())) } else { Ok(()) }
}

/// Makes the file whole before it gets its name: a machine may be switched off at any moment.
fn make(bytes: u64) -> io::Result<()> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(NEW)?;
    // The kernel refuses swap with holes.
    rustix::fs::fallocate(file.file(), FallocateFlags::empty(), 0, bytes)?;
    let page = rustix::param::page_size();
    let first = header(page, bytes).ok_or(io::ErrorKind::InvalidInput)?;
    file.write_all(&first)?;
    file.sync_all()?;
    fs::rename(NEW, FILE)
}

/// The first page of a swap area (`union swap_header` in Linux' `include/linux/swap.h`); `None` where it is too small
/// or too large to be one.
fn header(page: usize, bytes: u64) -> Option<Vec<u8>> {
    const MAGIC: &[u8] = b"SWAPSPACE2";
    let pages = bytes / u64::try_from(page).ok()?;
    let last = u32::try_from(pages.checked_sub(1)?).ok().filter(|last| *last >= 9)?;
    let mut first = vec![0; page];
    // Behind 1024 bytes for a boot sector: version, last page, number of bad pages.
    first[1024..1028].copy_from_slice(&1_u32.to_ne_bytes());
    first[1028..1032].copy_from_slice(&last.to_ne_bytes());
    first[page - MAGIC.len()..].copy_from_slice(MAGIC);
    Some(first)
}

fn text(error: impl std::fmt::Display) -> String {
    format!("{FILE}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_as_mkswap_writes_it() {
        let header = header(4096, 1 << 20).unwrap();
        assert_eq!(header.len(), 4096);
        assert_eq!(header[1024..1036], [1, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0]);
        assert!(header.ends_with(b"SWAPSPACE2"));
        assert_eq!(super::header(4096, 4096), None);
        assert_eq!(super::header(4096, u64::MAX), None);
    }
}
