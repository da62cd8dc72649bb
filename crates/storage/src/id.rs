//! Identifiers that become file names: checked when they come in, random when they are made.

use crate::error::{Result, StorageError};

/// The number of characters in a full id.
pub(crate) const ID_LENGTH: usize = 64;

/// A new random id: 64 hexadecimal digits, not all of the first twelve decimal (as containers/storage demands).
///
/// # Errors
/// The kernel's random numbers are not to be had.
pub fn random_id() -> Result<String> {
    loop {
        let id = hex(&random_bytes::<32>()?);
        // A short id that looks like a number would be taken for one in some places (host names).
        if id[..12].parse::<u64>().is_err() {
            return Ok(id);
        }
    }
}

/// Whether `id` is a full id: exactly 64 lower-case hexadecimal digits.
#[must_use]
pub(crate) fn is_full_id(id: &str) -> bool {
    id.len() == ID_LENGTH && id.bytes().all(is_lower_hex)
}

/// Refuses what is not a full id.
pub(crate) fn check_full_id(what: &'static str, id: &str) -> Result<()> {
    if is_full_id(id) { Ok(()) } else { Err(StorageError::invalid(what, id)) }
}

/// Refuses what could not be one harmless path component.
pub(crate) fn check_component(what: &'static str, value: &str) -> Result<()> {
    let harmless = !value.is_empty()
        && value.len() <= 255
        && value != "."
        && value != ".."
        && !value.bytes().any(|byte| byte == b'/' || byte == 0);
    if harmless { Ok(()) } else { Err(StorageError::invalid(what, value)) }
}

/// A new name for the short link of an overlay layer (26 characters, as containers/storage).
pub(crate) fn random_link() -> Result<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    Ok(random_bytes::<26>()?.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}

/// Bytes from the kernel's random number generator.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())
            .map_err(|error| StorageError::File(error.into()))?;
    }
    Ok(bytes)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_are_full_ids() {
        assert!(is_full_id(&random_id().unwrap()));
        assert_eq!(random_link().unwrap().len(), 26);
        assert!(!is_full_id("ABC"));
        assert!(check_component("x", "..").is_err());
        assert!(check_component("x", "a/b").is_err());
    }
}
