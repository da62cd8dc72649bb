//! Ids of the engine's user namespace as ids and names of a container.

use std::collections::HashMap;
use std::io::Read;

use cove_sys::fs;

use crate::view::View;

/// Most bytes of a passwd or group file that are read.
const MAX_FILE: u64 = 4 << 20;

/// How a container names users or groups.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// First id in the container, first id in the engine's namespace, count; empty when they are the same.
    map: Vec<(u32, u32, u32)>,
    names: HashMap<u32, String>,
}

impl Names {
    /// `kind` is `passwd` or `group`, `map` is `uid_map` or `gid_map`.
    pub(super) fn of_container(init: i32, kind: &str, map: &str) -> Self {
        let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/user")).ok();
        let map = if namespace(&init.to_string()) == namespace("self") {
            Vec::new()
        } else {
            parse_map(&fs::read_to_string(format!("/proc/{init}/{map}")).unwrap_or_default())
        };
        Self { map, names: parse_names(&read_file(init, kind).unwrap_or_default()) }
    }

    /// The engine's own names.
    pub(super) fn of_host(kind: &str) -> Self {
        let text = fs::read_to_string(format!("/etc/{kind}")).unwrap_or_default();
        Self { map: Vec::new(), names: parse_names(&text) }
    }

    /// The id in the container.
    pub(super) fn id(&self, id: u32) -> u32 {
        let range = self.map.iter().find(|(_, host, count)| id >= *host && id - host < *count);
        range.map_or(id, |(inside, host, _)| inside + (id - host))
    }

    /// The name in the container, or the number.
    pub(super) fn name(&self, id: u32) -> String {
        let id = self.id(id);
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}

/// `/etc/KIND` as the container's processes see it.
fn read_file(init: i32, kind: &str) -> Option<String> {
    let view = View::new(format!("/proc/{init}/root").as_ref(), &[]).ok()?;
    let file = view.open_file(&format!("/etc/{kind}")).ok()??;
    let mut text = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn parse_names(text: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(id))) = (fields.next(), fields.nth(1).map(str::parse)) {
            // Control characters of an image's file must not reach a terminal.
            names.entry(id).or_insert_with(|| name.chars().filter(|c| !c.is_control()).collect());
        }
    }
    names
}

fn parse_map(text: &str) -> Vec<(u32, u32, u32)> {
    let row = |line: &str| {
        let mut fields = line.split_ascii_whitespace().map(str::parse);
        Some((fields.next()?.ok()?, fields.next()?.ok()?, fields.next()?.ok()?))
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mapped_ids() {
        let names = Names {
            map: parse_map("0 1000 1\n1 100000 65536\n"),
            names: parse_names("root:x:0:0::/:\nweb\u{1b}[1m:x:33:33::/:\nagain:x:0:0\n"),
        };
        assert_eq!(names.name(1000), "root");
        assert_eq!(names.name(100_032), "web[1m");
        assert_eq!(names.name(100_000), "1");
    }
}
