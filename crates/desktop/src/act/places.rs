//! Paths of this computer, completed while they are written.

use std::path::Path;

use crate::core::Core;

/// Most paths that are told.
const MOST: usize = 50;
/// Most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// The folders and files of YAML whose paths begin like `start`; without a beginning the user's home.
pub(crate) async fn places(core: &Core, start: String) -> Vec<String> {
    let home = core.source.environment().get("HOME").map(str::to_owned);
    let found = tokio::task::spawn_blocking(move || match (start.is_empty(), home) {
        (true, Some(home)) => below(&format!("{home}{}", std::path::MAIN_SEPARATOR)),
        _ => below(&start),
    });
    // What cannot be looked at completes nothing.
    found.await.unwrap_or_default()
}

fn below(start: &str) -> Vec<String> {
    let Some(at) = start.rfind(std::path::is_separator) else { return Vec::new() };
    let (folder, begun) = start.split_at(at + 1);
    if !Path::new(folder).is_absolute() {
        return Vec::new();
    }
    let Ok(entries) = cove_sys::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.take(MOST_ENTRIES).flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with(begun) || (name.starts_with('.') && !begun.starts_with('.')) {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            found.push(format!("{folder}{name}{}", std::path::MAIN_SEPARATOR));
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            found.push(format!("{folder}{name}"));
        }
    }
    found.sort();
    found.truncate(MOST);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_of_yaml_complete_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| format!("{}/{name}", folder.path().display());
        for name in ["shop", "shed", ".git"] {
            cove_sys::fs::create_dir(folder.path().join(name)).unwrap();
        }
        for name in ["shop.yaml", "compose.yml", "readme.md"] {
            cove_sys::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(below(&path("sh")), [path("shed/"), path("shop.yaml"), path("shop/")]);
        assert_eq!(below(&path("")), [path("compose.yml"), path("shed/"), path("shop.yaml"), path("shop/")]);
        assert_eq!(below(&path(".g")), [path(".git/")]);
        for nothing in [&path("none/x"), "sh", "./s", ""] {
            assert!(below(nothing).is_empty(), "{nothing}");
        }
    }
}
