//! Files that are wrong or hostile: refused with file, line and key, within bounds.

use std::path::Path;

use cove_compose::{Options, load};

fn refused(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        cove_sys::fs::write(folder.path().join(name), text).unwrap();
    }
    let options = Options {
        files: vec![folder.path().join(files[0].0).display().to_string()],
        current_dir: folder.path().to_owned(),
        ..Options::default()
    };
    match load(&options) {
        Ok(_) => panic!("{}: it was loaded", files[0].1),
        Err(error) => {
            error.to_string().replace(Path::new(folder.path()).to_str().unwrap(), "").replacen('/', "", 1)
        }
    }
}

#[test]
fn each_fault_names_its_place() {
    for (text, expected) in [
        (
            "services:\n  a:\n    image: a\n    imaeg: b\n",
            "c.yml:4: services.a: additional properties 'imaeg'",
        ),
        ("services:\n  a:\n    image: [a]\n", "c.yml:3: services.a.image: must be a string"),
        ("services:\n  a: {image: a}\n  a: {image: b}\n", "c.yml:3: the key \"a\" is there twice"),
        ("servces: {}\n", "additional properties 'servces' not allowed"),
        ("services:\n  a:\n    image: a\n    ports:\n    - '80:x'\n", "c.yml:5: "),
        ("services:\n  a/b: {image: a}\n", "'a/b' not allowed"),
        ("- a\n", "c.yml:1: top-level object must be a mapping"),
        ("", "empty compose file"),
        ("services:\n  a: {image: '${X?needed}'}\n", "c.yml:2: services.a.image: required variable X"),
        ("services:\n  a: {image: '${X'}\n", "c.yml:2: services.a.image: invalid interpolation"),
        ("services:\n  a: {image: a, tty: '${X-maybe}'}\n", "c.yml:2: services.a.tty: failed to cast"),
        (
            "services:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, depends_on: [a]}\n",
            "cycle detected: a -> b -> a",
        ),
        ("services:\n  a: {image: a, depends_on: [b]}\n", "depends on undefined service \"b\""),
        ("services:\n  a: {image: a, networks: [b]}\n", "undefined network b"),
        ("services:\n  a: {image: a, volumes: ['bb:/b']}\n", "undefined volume bb"),
        ("services:\n  a: {}\n", "neither an image nor a build context"),
        ("services:\n  a: {extends: b}\n  b: {extends: a}\n", "Circular reference"),
        ("services:\n  a: {extends: {file: d.yml, service: a}}\n", "d.yml"),
        ("include: [c.yml]\nservices: {}\n", "include cycle detected"),
        ("services:\n  a: {image: a, env_file: /dev/zero}\n", "services.a.env_file: dev/zero is not a file"),
        ("services:\n  a: {image: !custom a}\n", "the tag !custom is not supported"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nservices: *none\n", "c.yml:3: "),
        ("name: --\nservices: {a: {image: a}}\n", "project name must not be empty"),
        ("name: n\nservices: {a: {image: a, mem_limit: 1x}}\n", "invalid size"),
    ] {
        let error = refused(&[("c.yml", text)]);
        assert!(error.contains(expected), "{text}\n{error}");
    }
}

#[test]
fn long_chains_end() {
    let mut text = "services:\n  s0: {image: a}\n".to_owned();
    for number in 1..20_000 {
        text += &format!("  s{number}: {{extends: s{}}}\n", number - 1);
    }
    assert!(refused(&[("c.yml", &text)]).contains("more than 100 services extend each other"));
}

#[test]
fn later_files_reset_and_override() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| cove_sys::fs::write(folder.path().join(name), text).unwrap();
    write(
        "compose.yaml",
        "name: two\nservices:\n  a:\n    image: a\n    ports: ['80:80', '81:81']\n    environment: {A: 1, B: 2}\n    \
         command: x\n",
    );
    write(
        "compose.override.yaml",
        "services:\n  a:\n    ports: !override ['90:90']\n    command: !reset null\n    environment: [B=3]\n",
    );
    let inner = folder.path().join("deeper");
    cove_sys::fs::create_dir(&inner).unwrap();
    let options = Options { current_dir: inner, ..Options::default() };
    let project = load(&options).unwrap().project;
    let service = &project.services["a"];
    assert_eq!((project.name.as_str(), service.ports.len()), ("two", 1));
    assert_eq!(service.ports[0].published, "90");
    assert_eq!(service.command.0, None);
    assert_eq!(service.environment["A"].as_deref(), Some("1"));
    assert_eq!(service.environment["B"].as_deref(), Some("3"));
}
