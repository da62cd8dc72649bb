//! `-u USER[:GROUP]` and `--group-add`.

use crate::error::{Result, bail};

/// Largest user or group id that a container may have (2^31-1), as in Docker.
pub(crate) const LARGEST_ID: u32 = i32::MAX as u32;

/// A user or group: by number or by name in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A number.
    Id(u32),
    /// A name that `/etc/passwd` or `/etc/group` of the container explains.
    Name(String),
}

/// A parsed `-u`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user; `None` where only a group is given.
    pub user: Option<Who>,
    /// The group; `None` for the user's own.
    pub group: Option<Who>,
}

/// Parses `USER[:GROUP]`. What looks like a number is one, and is never looked up as a name.
///
/// # Errors
/// A number is above `LARGEST_ID`, or a name has characters that no name has.
pub fn parse(text: &str) -> Result<User> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let part = |part: &str| if part.is_empty() { Ok(None) } else { who(part, text).map(Some) };
    Ok(User { user: part(user)?, group: group.map_or(Ok(None), part)? })
}

/// Parses one `--group-add`; `keep-groups` is the caller's business.
///
/// # Errors
/// As [`parse`].
pub fn group(text: &str) -> Result<Who> {
    who(text, text)
}

fn who(part: &str, text: &str) -> Result<Who> {
    let digits = part.strip_prefix(['-', '+']).unwrap_or(part);
    if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) {
        return match part.parse::<u32>() {
            Ok(id) if id <= LARGEST_ID && digits == part => Ok(Who::Id(id)),
            _ => bail!("invalid user {text:?}: uids and gids must be in range 0-{LARGEST_ID}"),
        };
    }
    let allowed = |c: char| !c.is_control() && !c.is_whitespace() && c != ':' && c != '/';
    if part.len() > 256 || !part.chars().all(allowed) {
        bail!("invalid user {text:?}");
    }
    Ok(Who::Name(part.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users() {
        let name = |text: &str| Some(Who::Name(text.to_owned()));
        for (text, user, group) in [
            ("root", name("root"), None),
            ("0", Some(Who::Id(0)), None),
            ("1000:1000", Some(Who::Id(1000)), Some(Who::Id(1000))),
            ("ann:staff", name("ann"), name("staff")),
            (":5", None, Some(Who::Id(5))),
            ("ann:", name("ann"), None),
            ("2147483647", Some(Who::Id(LARGEST_ID)), None),
            ("1a", name("1a"), None),
        ] {
            assert_eq!(parse(text).unwrap(), User { user, group }, "{text}");
        }
        for text in [
            "4294967296",
            "2147483648:1",
            "1:2147483648",
            "-1",
            "+1",
            "99999999999999999999",
            "a b",
            "a:b:c",
            "a/b",
        ] {
            assert!(parse(text).unwrap_err().to_string().contains("invalid user"), "{text}");
        }
    }
}
