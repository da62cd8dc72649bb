//! Descriptors of the caller that a process in a container gets (`--preserve-fds`, `--preserve-fd`).

use std::collections::BTreeMap;
use std::os::fd::{BorrowedFd, OwnedFd};

use cove_api::{Error, Result};
use rustix::fs::{CWD, Mode, OFlags};

/// Highest number that can be passed on: a monitor takes so many in one message.
const HIGHEST: u32 = 180;

/// Copies of the descriptors with these numbers, at their places from number 3 on. Between them are some of `/dev/null`:
/// in a place that is empty an OCI runtime would leave a descriptor of its own to the container.
pub(crate) fn preserved(numbers: &[u32]) -> Result<Vec<OwnedFd>> {
    if let Some(number) = numbers.iter().find(|number| !(3..=HIGHEST).contains(*number)) {
        return Err(Error::invalid(format!(
            "file descriptor {number} cannot be preserved: only those from 3 to {HIGHEST} can"
        )));
    }
    let Some(last) = numbers.iter().max() else { return Ok(Vec::new()) };
    // Before anything else is opened, which might get a number that is asked for.
    let mut wanted: BTreeMap<u32, OwnedFd> =
        numbers.iter().map(|number| Ok((*number, copy(*number)?))).collect::<Result<_>>()?;
    (3..=*last).map(|number| wanted.remove(&number).map_or_else(gap, Ok)).collect()
}

fn copy(number: u32) -> Result<OwnedFd> {
    let fault = || {
        Error::invalid(format!(
            "file descriptor {number} is not available - the preserve-fds option requires that file descriptors must be passed"
        ))
    };
    let raw = i32::try_from(number).map_err(|_| fault())?;
    // SAFETY: the descriptor is only borrowed to be copied; a number that is not open makes that fail.
    let borrowed = unsafe { BorrowedFd::borrow_raw(raw) };
    borrowed.try_clone_to_owned().map_err(|_| fault())
}

fn gap() -> Result<OwnedFd> {
    rustix::fs::openat(CWD, "/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| Error::from(std::io::Error::from(errno)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_gaps() {
        assert!(preserved(&[]).unwrap().is_empty());
        assert!(preserved(&[2]).is_err() && preserved(&[5000]).is_err() && preserved(&[179]).is_err());
        let file = cove_sys::fs::File::open("/").unwrap();
        let number = u32::try_from(std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap();
        let all = preserved(&[number]).unwrap();
        assert_eq!(all.len(), number as usize - 2);
        for (index, fd) in all.iter().enumerate() {
            let path = std::fs::read_link(crate::sandbox::descriptor_path(fd)).unwrap();
            let expected = if index + 1 == all.len() { "/" } else { "/dev/null" };
            assert_eq!(path, std::path::Path::new(expected));
        }
    }
}
