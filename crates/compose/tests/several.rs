//! Several files and the ways to load them, against what docker-compose printed.

use std::path::Path;

use cove_compose::{Options, load, render, tree, variables};

fn options() -> Options {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/several");
    Options { files: vec!["a.yml".to_owned(), "b.yml".to_owned()], current_dir: folder, ..Options::default() }
}

fn same(ours: &str, name: &str) {
    let options = options();
    let printed = cove_sys::fs::read_to_string(options.current_dir.join(name)).unwrap();
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let ours = ours.replace(options.current_dir.to_str().unwrap(), "/several");
    assert_eq!(
        serde_json::to_string_pretty(&value(&ours)).unwrap(),
        serde_json::to_string_pretty(&value(&printed)).unwrap(),
        "{name}"
    );
}

#[test]
fn merged() {
    same(&render::to_json(&load(&options()).unwrap().project), "plain.json");
    let profile = Options { profiles: vec!["p".to_owned()], ..options() };
    same(&render::to_json(&load(&profile).unwrap().project), "profile.json");
}

#[test]
fn without_paths() {
    let options = Options { resolve_paths: false, ..options() };
    same(&render::to_json(&load(&options).unwrap().project), "no-path-resolution.json");
}

#[test]
fn without_variables() {
    let options = Options { interpolate: false, ..options() };
    same(&render::json_text(&tree(&options).unwrap().0), "no-interpolate.json");
    let found = variables(&options).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["B", "D", "P", "TAG"]);
    assert_eq!(found["TAG"].default, "1");
}
