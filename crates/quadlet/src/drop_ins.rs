//! Files that add to a unit: which folders may have them, and which of equal names counts.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The names of the folders whose files add to a unit of that name, those first that concern the fewest.
///
/// Of `a-b@c.container` these are `a-b@c.container.d`, `a-b@.container.d`, `a-@.container.d`, `a-.container.d`,
/// `container.d`.
pub(crate) fn folders(name: &str) -> Vec<String> {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let (base, instance) = match stem.split_once('@') {
        Some((base, instance)) => (base, Some(instance)),
        None => (stem, None),
    };
    let mut folders = vec![format!("{name}.d")];
    if instance.is_some_and(|instance| !instance.is_empty()) {
        folders.push(format!("{base}@.{extension}.d"));
    }
    for (index, _) in base.rmatch_indices('-') {
        let beginning = &base[..=index];
        if instance.is_some() {
            folders.push(format!("{beginning}@.{extension}.d"));
        }
        folders.push(format!("{beginning}.{extension}.d"));
    }
    folders.push(format!("{extension}.d"));
    folders
}

/// The files to add, in the order in which they are added: by name, whatever folder they are in.
pub(crate) fn order(files: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut by_name = BTreeMap::new();
    for file in files {
        if let Some(name) = file.file_name() {
            by_name.entry(name.to_owned()).or_insert(file);
        }
    }
    by_name.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_units() {
        let cases: &[(&str, &[&str])] = &[
            ("a.container", &["a.container.d", "container.d"]),
            ("a-b-c.pod", &["a-b-c.pod.d", "a-b-.pod.d", "a-.pod.d", "pod.d"]),
            ("a@.volume", &["a@.volume.d", "volume.d"]),
            ("a@i-j.volume", &["a@i-j.volume.d", "a@.volume.d", "volume.d"]),
            (
                "a-b@c.container",
                &[
                    "a-b@c.container.d",
                    "a-b@.container.d",
                    "a-@.container.d",
                    "a-.container.d",
                    "container.d",
                ],
            ),
        ];
        for (name, expected) in cases {
            assert_eq!(folders(name), *expected, "{name}");
        }
    }

    #[test]
    fn the_first_of_a_name_counts() {
        let files = ["/b/20.conf", "/b/10.conf", "/a/10.conf", "/a/15.conf"].map(PathBuf::from);
        assert_eq!(order(files), ["/b/10.conf", "/a/15.conf", "/b/20.conf"].map(PathBuf::from));
    }
}
