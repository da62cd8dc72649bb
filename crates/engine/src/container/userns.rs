//! Which user namespace a container has: `--userns`, `--uidmap` and their kin.

use std::path::Path;

use cove_api::{ContainerSpec, Error, IdMap, Namespace, Result};
use cove_runtime::subid;
use cove_spec::idmap::{self, Ids};
use cove_spec::namespace;

use crate::engine::Core;
use crate::error::storage;
use crate::lock::ObjectLock;
use crate::sandbox::RootDir;
use crate::state::{IdRange, ImageFacts, NamespaceMode, UserNamespace};

/// From this id on none is taken for an account's: that of nobody is as high as any.
const NOBODY: u32 = 65_534;

/// What is chosen.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) namespace: UserNamespace,
    /// Who runs in it where nobody says otherwise; empty for the image's choice.
    pub(super) user: String,
    /// The caller, where it is to be known in the container.
    pub(super) host_user: Option<String>,
}

/// Keeps other commands from choosing the same ids.
pub(super) fn lock(core: &Core, spec: &ContainerSpec) -> Result<Option<ObjectLock>> {
    if wanted(core, spec)?.nsmode != "auto" {
        return Ok(None);
    }
    ObjectLock::acquire(&core.options.run_dir().join("locks"), "userns").map(Some)
}

/// What the request asks for, or else containers.conf.
fn wanted(core: &Core, spec: &ContainerSpec) -> Result<Namespace> {
    let maps = spec.idmappings.as_ref();
    if maps.is_some_and(|maps| maps.auto_user_ns) {
        return Ok(Namespace { nsmode: "auto".into(), value: spec.userns.value.clone() });
    }
    if spec.userns.is_default() {
        if maps.is_some_and(|maps| !maps.uid_map.is_empty() || !maps.gid_map.is_empty()) {
            return Ok(Namespace::new("private"));
        }
        return match core.options.containers.containers.userns.as_deref() {
            Some(text) if !text.is_empty() => Ok(namespace::user(text)?),
            _ => Ok(Namespace::default()),
        };
    }
    Ok(spec.userns.clone())
}

/// Resolves it. Containers whose namespace is joined are added to `dependencies`.
pub(super) fn resolve(
    core: &Core,
    spec: &ContainerSpec,
    image: &ImageFacts,
    dependencies: &mut Vec<String>,
) -> Result<Chosen> {
    let wanted = wanted(core, spec)?;
    let rootless = core.options.rootless;
    match wanted.nsmode.as_str() {
        "" | "default" | "host" => Ok(Chosen::default()),
        "private" => private(spec),
        "keep-id" => keep_id(&wanted, rootless, &Own::read()?),
        "no-map" | "nomap" if rootless => {
            let own = Own::read()?;
            let all = |maps: &[IdMap]| vec![IdRange { container: 0, host: 1, size: below(maps) }];
            Ok(with(all(&own.users), all(&own.groups)))
        }
        "no-map" | "nomap" => Err(Error::invalid("nomap is only supported in rootless mode")),
        "auto" => auto(core, spec, image, &wanted),
        "container" => {
            let other = core.find_container(&wanted.value)?;
            dependencies.push(other.id.clone());
            let mode = match other.config.userns.mode {
                NamespaceMode::Host => NamespaceMode::Host,
                _ => NamespaceMode::Container(other.id),
            };
            let namespace = UserNamespace { mode, automatic: false, ..other.config.userns };
            Ok(Chosen { namespace, ..Chosen::default() })
        }
        "path" => {
            let namespace =
                UserNamespace { mode: NamespaceMode::Path(wanted.value.into()), ..UserNamespace::default() };
            Ok(Chosen { namespace, ..Chosen::default() })
        }
        mode => Err(Error::unsupported(format!("the user namespace mode {mode:?} is not supported yet"))),
    }
}

fn with(users: Vec<IdRange>, groups: Vec<IdRange>) -> Chosen {
    let namespace = UserNamespace { mode: NamespaceMode::Private, users, groups, automatic: false };
    Chosen { namespace, ..Chosen::default() }
}

fn private(spec: &ContainerSpec) -> Result<Chosen> {
    let Some(maps) = &spec.idmappings else {
        return Err(Error::invalid(
            "must provide at least one UID or GID mapping to configure a user namespace",
        ));
    };
    let (users, groups) = match (maps.uid_map.is_empty(), maps.gid_map.is_empty()) {
        (true, _) => (&maps.gid_map, &maps.gid_map),
        (_, true) => (&maps.uid_map, &maps.uid_map),
        _ => (&maps.uid_map, &maps.gid_map),
    };
    Ok(with(ranges(users, Ids::Users)?, ranges(groups, Ids::Groups)?))
}

fn ranges(maps: &[IdMap], ids: Ids) -> Result<Vec<IdRange>> {
    idmap::check(maps, ids)?;
    let number = |value: i64| u32::try_from(value).map_err(|_| Error::invalid(format!("id {value}")));
    let one = |map: &IdMap| {
        Ok(IdRange {
            container: number(map.container_id)?,
            host: number(map.host_id)?,
            size: number(map.size)?,
        })
    };
    maps.iter().map(one).collect()
}

/// The mappings of the engine's own namespace: what is `container_id` in it is `host_id` outside.
struct Own {
    users: Vec<IdMap>,
    groups: Vec<IdMap>,
}

impl Own {
    fn read() -> Result<Self> {
        let read = |path: &str| -> Result<Vec<IdMap>> {
            let text = cove_sys::fs::read_to_string(path)?;
            let maps = text.lines().filter_map(|line| {
                let mut numbers = line.split_ascii_whitespace().map(str::parse::<i64>);
                let mut next = || numbers.next()?.ok();
                Some(IdMap { container_id: next()?, host_id: next()?, size: next()? })
            });
            Ok(maps.collect())
        };
        Ok(Self { users: read("/proc/self/uid_map")?, groups: read("/proc/self/gid_map")? })
    }
}

/// How many ids there are besides 0.
fn below(maps: &[IdMap]) -> u32 {
    let all: i64 = maps.iter().map(|map| map.size).sum();
    u32::try_from((all - 1).clamp(0, i64::from(u32::MAX) - 1)).unwrap_or_default()
}

/// The caller has the same ids inside as outside. For root that is all of them.
fn keep_id(wanted: &Namespace, rootless: bool, own: &Own) -> Result<Chosen> {
    let option = |name: &str| -> Result<Option<u32>> {
        namespace::option(wanted, name)
            .map(|text| text.parse().map_err(|_| Error::invalid(format!("invalid {name} {text:?}"))))
            .transpose()
    };
    let (uid, gid, size) = (option("uid")?, option("gid")?, option("size")?);
    if !rootless {
        let size = size.unwrap_or(u32::MAX);
        let all = || vec![IdRange { container: 0, host: 0, size }];
        return Ok(with(all(), all()));
    }
    let outside = |maps: &[IdMap]| {
        let root = maps.iter().find(|map| map.container_id == 0).map_or(0, |map| map.host_id);
        u32::try_from(root).unwrap_or_default()
    };
    let is_plain = uid.is_none() && gid.is_none();
    let (uid, gid) = (uid.unwrap_or(outside(&own.users)), gid.unwrap_or(outside(&own.groups)));
    if uid == u32::MAX || gid == u32::MAX {
        return Err(Error::invalid(format!("keep-id: {} is no id: ids are below it", u32::MAX)));
    }
    let most = |maps: &[IdMap]| size.map_or(below(maps), |size| size.saturating_sub(1).min(below(maps)));
    let mut chosen = with(around(uid, most(&own.users)), around(gid, most(&own.groups)));
    chosen.user = format!("{uid}:{gid}");
    chosen.host_user = is_plain.then(|| uid.to_string());
    Ok(chosen)
}

/// The engine's id 0 as `id` inside, and the `others` around it.
fn around(id: u32, others: u32) -> Vec<IdRange> {
    let before = id.min(others);
    let after = others.saturating_sub(id);
    [
        IdRange { container: 0, host: 1, size: before },
        IdRange { container: id, host: 0, size: 1 },
        IdRange { container: id + 1, host: id + 1, size: after },
    ]
    .into_iter()
    .filter(|range| range.size > 0)
    .collect()
}

/// Ids that no other container has.
fn auto(core: &Core, spec: &ContainerSpec, image: &ImageFacts, wanted: &Namespace) -> Result<Chosen> {
    let own = Own::read()?;
    let asked = spec.idmappings.as_ref().map(|maps| &maps.auto_user_ns_options);
    let mut users = asked.map(|options| options.additional_uid_mappings.clone()).unwrap_or_default();
    let mut groups = asked.map(|options| options.additional_gid_mappings.clone()).unwrap_or_default();
    let mut size = asked.map_or(0, |options| options.size);
    for option in wanted.value.split(',') {
        match option.split_once('=') {
            Some(("size", text)) => {
                size = text.parse().map_err(|_| Error::invalid(format!("invalid size {text:?}")))?;
            }
            Some(("uidmapping", text)) => users.extend(idmap::parse_one(text, Ids::Users, &own.users)?),
            Some(("gidmapping", text)) => groups.extend(idmap::parse_one(text, Ids::Groups, &own.groups)?),
            _ => {}
        }
    }
    if size == 0 {
        size = needed(core, image)?;
    }
    let mut taken_users = Vec::new();
    let mut taken_groups = Vec::new();
    for row in core.database()?.containers()? {
        if row.config.userns.automatic {
            taken_users.extend(row.config.userns.users);
            taken_groups.extend(row.config.userns.groups);
        }
    }
    let (free_users, free_groups) = if core.options.rootless {
        let all = |maps: &[IdMap]| vec![(1, below(maps))];
        (all(&own.users), all(&own.groups))
    } else {
        let owner = &core.options.storage.automatic.owner;
        (subordinate("/etc/subuid", owner)?, subordinate("/etc/subgid", owner)?)
    };
    let chosen =
        |free: &[(u32, u32)], taken: &[IdRange], given: &[IdMap], ids: Ids| -> Result<Vec<IdRange>> {
            let given = if given.is_empty() { Vec::new() } else { ranges(given, ids)? };
            choose(free, taken, &given, size).ok_or_else(|| {
                Error::invalid(format!("not enough unused IDs in user namespace: {size} are needed"))
            })
        };
    let mut result = with(
        chosen(&free_users, &taken_users, &users, Ids::Users)?,
        chosen(&free_groups, &taken_groups, &groups, Ids::Groups)?,
    );
    result.namespace.automatic = true;
    Ok(result)
}

fn subordinate(path: &str, owner: &str) -> Result<Vec<(u32, u32)>> {
    // No user has this number, so that only the name counts.
    let ranges = subid::ranges(Path::new(path), Some(owner), u32::MAX)?;
    if ranges.is_empty() {
        return Err(Error::invalid(format!(
            "cannot find UID/GID for user {owner}: no ranges found for user {owner:?} in {path}"
        )));
    }
    Ok(ranges)
}

/// Ids for the numbers from 0 on that are not given, in free ranges (first and count).
fn choose(free: &[(u32, u32)], taken: &[IdRange], given: &[IdRange], size: u32) -> Option<Vec<IdRange>> {
    let mut free: Vec<(u64, u64)> = free
        .iter()
        .map(|(start, count)| (u64::from(*start), u64::from(*start) + u64::from(*count)))
        .collect();
    for range in taken.iter().chain(given) {
        let (start, end) = (u64::from(range.host), u64::from(range.host) + u64::from(range.size));
        free = free
            .into_iter()
            .flat_map(|(from, to)| [(from, to.min(start)), (from.max(end), to)])
            .filter(|(from, to)| from < to)
            .collect();
    }
    let mut all = given.to_vec();
    all.sort_by_key(|range| range.container);
    let mut gaps = Vec::new();
    let mut next = 0_u64;
    for range in &all {
        gaps.push((next, u64::from(range.container).min(u64::from(size))));
        next = next.max(u64::from(range.container) + u64::from(range.size));
    }
    gaps.push((next, u64::from(size)));
    let mut free = free.into_iter();
    let mut current = free.next();
    for (mut from, to) in gaps {
        while from < to {
            let (start, end) = current?;
            let count = (to - from).min(end - start);
            all.push(IdRange {
                container: u32::try_from(from).ok()?,
                host: u32::try_from(start).ok()?,
                size: u32::try_from(count).ok()?,
            });
            from += count;
            current = if start + count < end { Some((start + count, end)) } else { free.next() };
        }
    }
    all.sort_by_key(|range| range.container);
    Some(all)
}

/// How many ids the accounts of an image need.
fn needed(core: &Core, image: &ImageFacts) -> Result<u32> {
    let sizes = &core.options.storage.automatic;
    if image.id.is_empty() {
        return Ok(sizes.most);
    }
    let store = core.store()?;
    let path = store.mount_image(&image.id).map_err(storage)?;
    let highest = (|| -> Result<u32> {
        let root = RootDir::open(&path)?;
        let mut highest = 0;
        for file in ["/etc/passwd", "/etc/group"] {
            let text = root.read_text(file)?.unwrap_or_default();
            let ids = text.lines().filter_map(|line| line.split(':').nth(2)?.parse::<u32>().ok());
            highest = highest.max(ids.filter(|id| *id < NOBODY).max().unwrap_or_default());
        }
        Ok(highest)
    })();
    store.unmount_image(&image.id, false).map_err(storage)?;
    let own =
        image.config.user.split(':').filter_map(|part| part.parse::<u32>().ok()).max().unwrap_or_default();
    Ok(highest?.max(own).saturating_add(1).clamp(sizes.fewest, sizes.most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ranges: &[IdRange]) -> String {
        ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_caller_keeps_its_id() {
        let map = |container_id, host_id, size| IdMap { container_id, host_id, size };
        let own = Own {
            users: vec![map(0, 1000, 1), map(1, 100_000, 65_536)],
            groups: vec![map(0, 100, 1), map(1, 100_000, 65_536)],
        };
        let of = |value: &str| {
            let wanted = Namespace { nsmode: "keep-id".into(), value: value.into() };
            keep_id(&wanted, true, &own).unwrap()
        };
        let plain = of("");
        assert_eq!(shown(&plain.namespace.users), "0:1:1000 1000:0:1 1001:1001:64536");
        assert_eq!((plain.user.as_str(), plain.host_user.as_deref()), ("1000:100", Some("1000")));
        let other = of("uid=5,gid=6,size=10");
        assert_eq!(shown(&other.namespace.users), "0:1:5 5:0:1 6:6:4");
        assert_eq!((other.user.as_str(), other.host_user), ("5:6", None));
        assert_eq!(shown(&of("uid=0").namespace.users), "0:0:1 1:1:65536");
        for value in ["uid=4294967295", "gid=4294967295", "uid=4294967296"] {
            let wanted = Namespace { nsmode: "keep-id".into(), value: value.into() };
            assert!(keep_id(&wanted, true, &own).is_err(), "{value}");
        }
    }

    #[test]
    fn ids_are_chosen_where_nobody_has_them() {
        let range = |container, host, size| IdRange { container, host, size };
        let free = [(1000, 100), (5000, 1000)];
        assert_eq!(shown(&choose(&free, &[], &[], 50).unwrap()), "0:1000:50");
        assert_eq!(shown(&choose(&free, &[range(0, 1000, 90)], &[], 50).unwrap()), "0:1090:10 10:5000:40");
        assert_eq!(shown(&choose(&free, &[], &[range(1, 7, 1)], 10).unwrap()), "0:1000:1 1:7:1 2:1001:8");
        assert_eq!(choose(&free, &[], &[], 5000), None);
    }
}
