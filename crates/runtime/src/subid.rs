//! Ranges of subordinate ids: subuid(5) and subgid(5).

use std::io::Read;
use std::path::Path;

use cove_sys::fs;

use crate::error::{Error, Result};
use crate::oci::IdMapping;

/// Largest file that is read.
const MAX_FILE: u64 = 4 << 20;

/// First id and count.
pub type Range = (u32, u32);

/// The ranges that a file gives to a user, in its order; empty where it gives none or does not exist.
///
/// # Errors
/// The file cannot be read. Lines that make no sense are left out.
pub fn ranges(path: &Path, name: Option<&str>, id: u32) -> Result<Vec<Range>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::file(e)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(Error::file)?;
    Ok(parse(&String::from_utf8_lossy(&bytes), name, id))
}

fn parse(text: &str, name: Option<&str>, id: u32) -> Vec<Range> {
    let id = id.to_string();
    let mut found: Vec<Range> = Vec::new();
    for line in text.lines() {
        let mut fields = line.trim().split(':');
        let (Some(owner), Some(Ok(start)), Some(Ok(count)), None) =
            (fields.next(), fields.next().map(str::parse), fields.next().map(str::parse), fields.next())
        else {
            continue;
        };
        let (start, count): (u32, u32) = (start, count);
        let ours = Some(owner) == name || owner == id;
        let sound = count > 0 && start > 0 && start.checked_add(count).is_some();
        // newuidmap refuses ranges that overlap.
        let overlaps = found.iter().any(|(s, c)| start < s + c && *s < start.saturating_add(count));
        if ours && sound && !overlaps {
            found.push((start, count));
        }
    }
    found
}

/// The map of a user's namespace: the user as root, the ranges from 1 on.
#[must_use]
pub fn mapping(id: u32, ranges: &[Range]) -> Vec<IdMapping> {
    let mut map = vec![IdMapping { container_id: 0, host_id: id, size: 1 }];
    let mut next = 1_u32;
    for (start, count) in ranges {
        let Some(end) = next.checked_add(*count) else { break };
        map.push(IdMapping { container_id: next, host_id: *start, size: *count });
        next = end;
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let text = "alice:100000:65536\nbob:165536:65536\n1000:300000:10\nalice:x:1\nalice:4294967295:10\n\
                    alice:0:5\nalice:100005:2\n:\nalice:1:2:3\nalice:400000:0\n";
        assert_eq!(parse(text, Some("alice"), 1000), [(100_000, 65536), (300_000, 10)]);
        assert_eq!(parse(text, None, 1000), [(300_000, 10)]);
        assert_eq!(parse(text, Some("eve"), 7), []);
    }

    #[test]
    fn map() {
        let map = mapping(1000, &[(100_000, 65536), (300_000, 10)]);
        let rows: Vec<(u32, u32, u32)> = map.iter().map(|m| (m.container_id, m.host_id, m.size)).collect();
        assert_eq!(rows, [(0, 1000, 1), (1, 100_000, 65536), (65537, 300_000, 10)]);
    }
}
