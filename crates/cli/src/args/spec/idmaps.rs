//! What this system says of ids: the mapping of our own namespace, and subordinate ids.

use cove_api::IdMap;
use cove_spec::idmap::Ids;

use crate::command_error::CommandError;

/// The mapping of this process's user namespace; empty where there is none.
pub(super) fn own(ids: Ids) -> Vec<IdMap> {
    let path = match ids {
        Ids::Users => "/proc/self/uid_map",
        Ids::Groups => "/proc/self/gid_map",
    };
    let text = cove_sys::fs::read_to_string(path).unwrap_or_default();
    let one = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<i64>);
        let mut next = || numbers.next()?.ok();
        Some(IdMap { container_id: next()?, host_id: next()?, size: next()? })
    };
    text.lines().filter_map(one).collect()
}

/// The ids that a file of subordinate ids has for a name, from 0 on in the container; none for no name.
///
/// # Errors
/// There are none, or they are not ids of this process's namespace.
pub(super) fn subordinate(path: &str, name: Option<&str>, ids: Ids) -> Result<Vec<IdMap>, CommandError> {
    let Some(name) = name else { return Ok(Vec::new()) };
    let text = cove_sys::fs::read_to_string(path)
        .map_err(|error| CommandError::other(crate::command_error::chain(&error)))?;
    let parent = own(ids);
    let mut maps = Vec::new();
    let mut next = 0;
    for line in text.lines() {
        let [owner, start, size] = line.trim().split(':').collect::<Vec<_>>()[..] else { continue };
        let (Ok(start), Ok(size @ 1..)) = (start.parse::<u32>(), size.parse::<u32>()) else { continue };
        if owner == name {
            let text = format!("{next}:@{start}:{size}");
            maps.extend(cove_spec::idmap::parse_one(&text, ids, &parent)?);
            next += i64::from(size);
        }
    }
    if maps.is_empty() {
        return Err(CommandError::other(format!("no ranges found for user {name:?} in {path}")));
    }
    Ok(maps)
}
