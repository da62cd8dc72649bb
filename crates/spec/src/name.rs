//! Names of containers, volumes, networks, machines and so on.

use crate::error::{Result, bail};

/// Longest name of a machine: it becomes a part of socket paths.
pub(crate) const LONGEST_MACHINE_NAME: usize = 30;

/// Checks a name against `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, at most 255 bytes.
///
/// # Errors
/// It does not match.
pub fn check(text: &str) -> Result<()> {
    if is_name(text) && text.len() <= 255 {
        return Ok(());
    }
    bail!("invalid name {text:?}: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument")
}

/// Checks a container's or pod's name. Docker's leading slash is not part of it.
///
/// # Errors
/// It does not match [`check`]'s rule.
pub fn container(text: &str) -> Result<()> {
    check(text)
}

/// Checks a volume's name.
///
/// # Errors
/// It does not match; the message says what else the user may have meant.
pub fn volume(text: &str) -> Result<()> {
    if check(text).is_ok() {
        return Ok(());
    }
    bail!(
        "invalid volume name {text:?}: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]* (to mount a folder of the host, use an absolute path): invalid argument"
    )
}

/// Checks a network's name; the names of network modes are not allowed.
///
/// # Errors
/// It does not match, or means a mode.
pub fn network(text: &str) -> Result<()> {
    check(text)?;
    if matches!(
        text,
        "bridge"
            | "container"
            | "default"
            | "host"
            | "none"
            | "ns"
            | "pasta"
            | "path"
            | "pod"
            | "private"
            | "slirp4netns"
    ) {
        bail!("network name {text:?} is reserved: it is a network mode: invalid argument");
    }
    Ok(())
}

/// Checks a machine's name: at most `LONGEST_MACHINE_NAME` bytes.
///
/// # Errors
/// It does not match, or is too long.
pub fn machine(text: &str) -> Result<()> {
    check(text)?;
    if text.len() > LONGEST_MACHINE_NAME {
        bail!("machine name {text:?} must be {LONGEST_MACHINE_NAME} characters or less");
    }
    Ok(())
}

/// Checks a secret's name: 1 to 253 bytes without `=`, `,`, `/` and control characters.
///
/// # Errors
/// It does not match.
pub fn secret(text: &str) -> Result<()> {
    let allowed = !text.contains(|c: char| matches!(c, '=' | ',' | '/') || c.is_control());
    if allowed && !text.is_empty() && text.len() <= 253 {
        return Ok(());
    }
    bail!(
        "secret name {text:?} can not include '=', '/', ',', or control characters and be between 1 and 253 characters: invalid secret name"
    )
}

/// Checks a host name: at most 64 bytes of letters, digits, `.`, `-` and `_`.
///
/// # Errors
/// It does not match.
pub fn hostname(text: &str) -> Result<()> {
    let allowed = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !text.is_empty() && text.len() <= 64 && allowed && !text.starts_with('-') {
        return Ok(());
    }
    bail!("invalid hostname {text:?}: up to 64 letters, digits, '.', '-' and '_' are allowed")
}

/// Whether `text` matches `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "0", "a_b.c-d", "Container1"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "_a", "a b", "a/b", "a$(x)", "a\n", "ä", "..", "a;b"] {
            assert!(check(bad).unwrap_err().to_string().contains("names must match"), "{bad}");
        }
        assert!(check(&"a".repeat(256)).is_err());
        assert!(network("host").is_err() && network("hosts").is_ok());
        assert!(machine(&"m".repeat(31)).is_err() && machine("m").is_ok());
        assert!(secret("a=b").is_err() && secret("my secret").is_ok());
        assert!(hostname("web-1.example").is_ok() && hostname("a b").is_err() && hostname("-x").is_err());
    }
}
