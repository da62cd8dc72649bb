//! Mounts whose owners are mapped: the option `idmap`.

use cove_api::{Error, Result};

use crate::state::{IdRange, UserNamespace};

/// Most ranges of one option.
const MOST: usize = 340;

/// Users and groups that an option maps: `idmap` as the container's user namespace does, or
/// `idmap=uids=FROM-TO-SIZE#…;gids=…`, where an `@` before a range says that TO is an id of the container.
pub(super) fn ranges(option: &str, userns: &UserNamespace) -> Result<(Vec<IdRange>, Vec<IdRange>)> {
    let (mut users, mut groups) = (userns.users.clone(), userns.groups.clone());
    for part in option.strip_prefix("idmap=").unwrap_or_default().split(';').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("uids", text)) => users = parse(text, &userns.users)?,
            Some(("gids", text)) => groups = parse(text, &userns.groups)?,
            _ => return Err(Error::invalid(format!("unknown option {part:?} of idmap"))),
        }
    }
    if users.is_empty() || groups.is_empty() {
        return Err(Error::invalid(
            "the mount option idmap needs a user namespace of the container, or mappings",
        ));
    }
    Ok((users, groups))
}

/// The option with all numbers, as [`cove_runtime::oci`] reads it.
pub(super) fn numbers(option: &str, userns: &UserNamespace) -> Result<String> {
    let (users, groups) = ranges(option, userns)?;
    let text = |ranges: &[IdRange]| {
        let one = |range: &IdRange| format!("{}-{}-{}", range.container, range.host, range.size);
        ranges.iter().map(one).collect::<Vec<_>>().join("#")
    };
    Ok(format!("idmap=uids={};gids={}", text(&users), text(&groups)))
}

fn parse(text: &str, of_container: &[IdRange]) -> Result<Vec<IdRange>> {
    let bad = || Error::invalid(format!("invalid mapping {text:?} of idmap: FROM-TO-SIZE#… is expected"));
    let parts: Vec<&str> = text.split('#').collect();
    if parts.len() > MOST {
        return Err(bad());
    }
    let one = |part: &&str| {
        let (relative, numbers) = match part.strip_prefix('@') {
            Some(numbers) => (true, numbers),
            None => (false, *part),
        };
        let numbers: Vec<u32> =
            numbers.split('-').map(str::parse).collect::<std::result::Result<_, _>>().map_err(|_| bad())?;
        let [container, to, size] = numbers[..] else { return Err(bad()) };
        if size == 0 {
            return Err(bad());
        }
        let mut host = to;
        if relative {
            let found =
                of_container.iter().find(|range| to >= range.container && to - range.container < range.size);
            let range = found.ok_or_else(|| {
                Error::invalid(format!(
                    "could not find a user namespace mapping for the relative mapping {part:?}"
                ))
            })?;
            host = range.host + (to - range.container);
        }
        Ok(IdRange { container, host, size })
    };
    parts.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_numbers() {
        let range = IdRange { container: 0, host: 1000, size: 200 };
        let userns = UserNamespace { users: vec![range], groups: vec![range], ..UserNamespace::default() };
        for (option, expected) in [
            ("idmap", "idmap=uids=0-1000-200;gids=0-1000-200"),
            ("idmap=uids=0-1-10#10-11-10", "idmap=uids=0-1-10#10-11-10;gids=0-1000-200"),
            ("idmap=uids=@2000-1-1;gids=@2000-2-1", "idmap=uids=2000-1001-1;gids=2000-1002-1"),
        ] {
            assert_eq!(numbers(option, &userns).unwrap(), expected);
        }
        for option in
            ["idmap=x", "idmap=uids=1-2", "idmap=uids=1-2-0", "idmap=uids=@1-5000-1", "idmap=uids=a-1-1"]
        {
            assert!(numbers(option, &userns).is_err(), "{option}");
        }
        assert!(numbers("idmap", &UserNamespace::default()).is_err());
    }
}
