//! Mappings of ids of a user namespace: `--uidmap`, `--gidmap`, and the options of `--userns=auto`.

use cove_api::IdMap;

use crate::error::{Result, bail};

/// Which ids a mapping is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Users.
    Users,
    /// Groups.
    Groups,
}

impl Ids {
    fn name(self) -> &'static str {
        match self {
            Self::Users => "UID",
            Self::Groups => "GID",
        }
    }
}

/// Parses all `--uidmap` or `--gidmap`: `[FLAGS]CONTAINER:FROM[:SIZE]`, several with colons between them.
///
/// `FROM` is an id of the engine's namespace, whose mapping is `parent`; with `@` it is one outside of that. The flags are
/// `u` and `g` (for users or groups only) and `+`, which takes the ids away from the mappings before it. Where
/// `fill` is set (rootless) and the first has a `+`, what is left of the engine's ids is mapped as well.
///
/// # Errors
/// The form is wrong, or an id outside is not mapped.
pub fn parse<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    ids: Ids,
    parent: &[IdMap],
    fill: bool,
) -> Result<Vec<IdMap>> {
    let mut all: Vec<IdMap> = Vec::new();
    let mut filled = false;
    for text in texts.into_iter().filter(|text| !text.is_empty()) {
        let mut parts: Vec<&str> = text.split(':').collect();
        if parts.len() == 2 {
            parts.push("1");
        }
        if !parts.len().is_multiple_of(3) {
            bail!(
                "initializing ID mappings: {} setting is malformed expected [\"[+ug]uint32:[@]uint32[:uint32]\"] : {text:?}",
                ids.name()
            );
        }
        for part in parts.chunks(3) {
            let [container, from, size] = *part else { continue };
            let digits = container.trim_start_matches(['+', 'u', 'g']);
            let flags = &container[..container.len() - digits.len()];
            let (of_users, of_groups) = (flags.contains('u'), flags.contains('g'));
            let applies = of_users == of_groups || of_users == (ids == Ids::Users);
            let map = mapping(digits, from, size, text)?;
            if !applies || map.size == 0 {
                continue;
            }
            for map in in_namespace(&map, from, parent, ids)? {
                if flags.contains('+') {
                    filled |= all.is_empty() && fill;
                    all = all.iter().flat_map(|piece| without(piece, &map)).collect();
                }
                all.push(map);
            }
        }
    }
    if filled {
        all = with_the_rest(all, parent);
    }
    Ok(merged(all))
}

/// Parses `CONTAINER:FROM:SIZE` of an option of `--userns=auto`.
///
/// # Errors
/// As [`parse`].
pub fn parse_one(text: &str, ids: Ids, parent: &[IdMap]) -> Result<Vec<IdMap>> {
    parse([text], ids, parent, false)
}

/// The mapping in the numbers of the text; `@` is passed over.
fn mapping(container: &str, from: &str, size: &str, text: &str) -> Result<IdMap> {
    let number = |part: &str| match part.parse::<u32>() {
        Ok(number) => Ok(i64::from(number)),
        Err(_) => bail!("parsing id map value {part:?} of {text:?}: it is not a number"),
    };
    let map = IdMap {
        container_id: number(container)?,
        host_id: number(from.strip_prefix('@').unwrap_or(from))?,
        size: number(size)?,
    };
    if map.container_id + map.size > i64::from(u32::MAX) || map.host_id + map.size > i64::from(u32::MAX) {
        bail!("invalid mapping {text:?}: ids are below {}", u32::MAX);
    }
    Ok(map)
}

/// The mapping in ids of the engine's namespace.
fn in_namespace(map: &IdMap, from: &str, parent: &[IdMap], ids: Ids) -> Result<Vec<IdMap>> {
    if !from.starts_with('@') {
        return Ok(vec![map.clone()]);
    }
    let mut pieces = Vec::new();
    let mut done = 0;
    while done < map.size {
        let id = map.host_id + done;
        let Some(found) =
            parent.iter().find(|range| (range.host_id..range.host_id + range.size).contains(&id))
        else {
            bail!("parent ID {} {id} is not mapped/delegated", ids.name());
        };
        let offset = id - found.host_id;
        let size = (map.size - done).min(found.size - offset);
        pieces.push(IdMap {
            container_id: map.container_id + done,
            host_id: found.container_id + offset,
            size,
        });
        done += size;
    }
    Ok(pieces)
}

/// What is left of a piece when the ids of another are taken away, inside and outside.
fn without(piece: &IdMap, taken: &IdMap) -> Vec<IdMap> {
    let mut cuts: Vec<(i64, i64)> = [taken.container_id - piece.container_id, taken.host_id - piece.host_id]
        .into_iter()
        .map(|start| (start.clamp(0, piece.size), (start + taken.size).clamp(0, piece.size)))
        .filter(|(start, end)| start < end)
        .collect();
    cuts.sort_unstable();
    let mut left = Vec::new();
    let mut at = 0;
    for (start, end) in cuts.into_iter().chain([(piece.size, piece.size)]) {
        if start > at {
            left.push(IdMap {
                container_id: piece.container_id + at,
                host_id: piece.host_id + at,
                size: start - at,
            });
        }
        at = at.max(end);
    }
    left
}

/// The mappings, and the ids of the engine's namespace that they leave, in the order of the numbers.
fn with_the_rest(mut maps: Vec<IdMap>, parent: &[IdMap]) -> Vec<IdMap> {
    maps.sort_by_key(|map| map.container_id);
    let mut free: Vec<(i64, i64)> =
        parent.iter().map(|range| (range.container_id, range.container_id + range.size)).collect();
    for map in &maps {
        let (start, end) = (map.host_id, map.host_id + map.size);
        free = free
            .into_iter()
            .flat_map(|(from, to)| [(from, to.min(start)), (from.max(end), to)])
            .filter(|(from, to)| from < to)
            .collect();
    }
    free.sort_unstable();
    let mut all = Vec::new();
    let mut free = free.into_iter();
    let mut current = free.next();
    let mut next = 0;
    let end = IdMap { container_id: i64::MAX, host_id: 0, size: 0 };
    for map in maps.iter().chain([&end]) {
        while next < map.container_id
            && let Some((from, to)) = current
        {
            let size = (map.container_id - next).min(to - from);
            all.push(IdMap { container_id: next, host_id: from, size });
            next += size;
            current = if from + size < to { Some((from + size, to)) } else { free.next() };
        }
        if map.size > 0 {
            all.push(map.clone());
            next = next.max(map.container_id + map.size);
        }
    }
    all
}

/// Sorted, with neighbours joined.
fn merged(mut maps: Vec<IdMap>) -> Vec<IdMap> {
    maps.sort_by_key(|map| map.container_id);
    let mut all: Vec<IdMap> = Vec::new();
    for map in maps {
        match all.last_mut() {
            Some(last)
                if last.container_id + last.size == map.container_id
                    && last.host_id + last.size == map.host_id =>
            {
                last.size += map.size;
            }
            _ => all.push(map),
        }
    }
    all
}

/// Refuses mappings that the kernel would refuse: none, too many, or with an id twice.
///
/// # Errors
/// Says which.
pub fn check(maps: &[IdMap], ids: Ids) -> Result<()> {
    /// As user_namespaces(7) has it.
    const MOST: usize = 340;
    if maps.is_empty() || maps.len() > MOST {
        bail!("{} mappings of {}: 1 to {MOST} are possible", maps.len(), ids.name());
    }
    for starts in [|map: &IdMap| map.container_id, |map: &IdMap| map.host_id] {
        let mut ranges: Vec<(i64, i64)> = maps.iter().map(|map| (starts(map), map.size)).collect();
        ranges.sort_unstable();
        for (start, size) in &ranges {
            if *start < 0 || *size < 1 || start + size > i64::from(u32::MAX) {
                bail!("invalid mapping of {}: {size} ids from {start} on", ids.name());
            }
        }
        if let Some(pair) = ranges.windows(2).find(|pair| pair[0].0 + pair[0].1 > pair[1].0) {
            bail!("the mappings of {} have the id {} twice", ids.name(), pair[1].0);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent() -> Vec<IdMap> {
        vec![
            IdMap { container_id: 0, host_id: 1000, size: 1 },
            IdMap { container_id: 1, host_id: 100_000, size: 65_536 },
        ]
    }

    fn shown(texts: &[&str], ids: Ids, fill: bool) -> String {
        let maps = parse(texts.iter().copied(), ids, &parent(), fill).unwrap();
        let show = |map: &IdMap| format!("{}:{}:{}", map.container_id, map.host_id, map.size);
        maps.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn right() {
        for (texts, fill, expected) in [
            (&["0:200000:5000"][..], false, "0:200000:5000"),
            (&["0:1:10", "10:11:5"], false, "0:1:15"),
            (&["7:0"], false, "7:0:1"),
            (&["0:1:2:2:5:1"], false, "0:1:2 2:5:1"),
            (&["5:@1000:1"], false, "5:0:1"),
            (&["0:@100000:10"], false, "0:1:10"),
            (&["0:0:100", "+50:@1000:1"], false, "1:1:49 50:0:1 51:51:49"),
            (&["+5:@1000:1"], true, "0:1:5 5:0:1 6:6:65531"),
            (&["g0:1:5", "u0:2:5"], false, "0:2:5"),
            (&["ug3:4:1", ""], false, "3:4:1"),
        ] {
            assert_eq!(shown(texts, Ids::Users, fill), expected, "{texts:?}");
        }
        assert_eq!(shown(&["g0:1:5", "u0:2:5"], Ids::Groups, false), "0:1:5");
    }

    #[test]
    fn wrong() {
        for (text, expected) in [
            ("0", "malformed"),
            ("0:1:2:3", "malformed"),
            ("a:1:1", "not a number"),
            ("0:-1:1", "not a number"),
            ("0:4294967295:2", "ids are below"),
            ("0:@5:1", "parent ID UID 5 is not mapped"),
            ("0:@1000:2", "parent ID UID 1001 is not mapped"),
        ] {
            let error = parse([text], Ids::Users, &parent(), false).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn what_the_kernel_refuses() {
        let map = |container_id, host_id, size| IdMap { container_id, host_id, size };
        check(&[map(0, 1, 5), map(5, 100, 5)], Ids::Users).unwrap();
        for maps in [
            vec![],
            vec![map(0, 1, 5), map(4, 100, 5)],
            vec![map(0, 1, 5), map(5, 5, 5)],
            vec![map(-1, 1, 5)],
            vec![map(0, 1, 0)],
        ] {
            assert!(check(&maps, Ids::Groups).is_err(), "{maps:?}");
        }
    }
}
