//! Names for kernel objects: random ids, stable short hashes, and what may be used as a name.

use crate::error::{Error, Result};

/// Bytes from the kernel's generator.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            // getrandom(2) cannot fail otherwise on the kernels that have it; the address space layout is the rest.
            Err(_) => {
                let seed = hash(&[&format!("{:p}{:?}", &bytes, std::time::Instant::now())]);
                for (index, byte) in bytes[filled..].iter_mut().enumerate() {
                    *byte = (seed >> (8 * (index % 8))) as u8;
                }
                filled = N;
            }
        }
    }
    bytes
}

/// A new network id: 64 hexadecimal digits.
pub(crate) fn random_id() -> String {
    random_bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// FNV-1a over the parts: stable between versions, because kernel objects are found again by it.
pub(crate) fn hash(parts: &[&str]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            state ^= u64::from(byte);
            state = state.wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    state
}

/// The host's end of the veth pair of `container` in `network`: at most 15 bytes.
pub(crate) fn veth_name(container: &str, network: &str) -> String {
    format!("veth{:011x}", hash(&[container, network]) & 0xfff_ffff_ffff)
}

/// Checks a network's name as podman does: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
pub(crate) fn check_network_name(name: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if first && name.len() <= 255 && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "network name {name} invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
    )))
}

/// Checks an id or name that becomes part of a file name.
pub(crate) fn check_id(id: &str) -> Result<()> {
    let fine = !id.is_empty()
        && id.len() <= 128
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if fine { Ok(()) } else { Err(Error::Invalid(format!("{id:?} is not a container id"))) }
}

/// Checks the name of a network device: 1 to 15 bytes, no `/`, `:`, `%` or white space (`dev_valid_name` in Linux).
pub(crate) fn check_device_name(name: &str) -> Result<()> {
    let fine = !name.is_empty()
        && name.len() <= 15
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"/:%\"\\'".contains(&byte));
    if fine { Ok(()) } else { Err(Error::Invalid(format!("interface name {name:?} is invalid"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(random_id().len(), 64);
        assert!(veth_name("a", "b").len() <= 15);
        assert_ne!(veth_name("a", "bc"), veth_name("ab", "c"));
        for name in ["podman", "a.b-c_d", "0"] {
            check_network_name(name).unwrap();
        }
        for name in ["", "-a", "../x", "a/b", "a b", "é"] {
            assert!(check_network_name(name).is_err());
        }
        for name in ["", "..", "a/b", "sixteen-bytes-xx", "a\"b", "a b", "a%d"] {
            assert!(check_device_name(name).is_err());
        }
    }
}
