//! Files of the shapes that projects have: the same JSON and YAML as docker-compose prints, captured once and, where it is
//! installed, asked again.

use std::path::{Path, PathBuf};
use std::process::Command;

use cove_compose::{Options, load, render, service_hash};

/// What snapshots call the folder of the files, and the one above it, to which files lead.
const NAMES: [&str; 2] = ["/corpus", "/above"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// A text that is the same wherever the sources are.
fn named(text: &str) -> String {
    let folder = folder();
    let places = [folder.as_path(), folder.parent().unwrap()];
    places
        .iter()
        .zip(NAMES)
        .fold(text.to_owned(), |text, (place, name)| text.replace(place.to_str().unwrap(), name))
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = cove_sys::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    files
}

fn options(file: &Path) -> Options {
    Options {
        files: vec![file.display().to_string()],
        environment: [("FROM_ENV", "of the environment"), ("HOME", "/root"), ("TAG", "3.1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        current_dir: folder(),
        ..Options::default()
    }
}

fn ours(file: &Path) -> (String, String) {
    let loaded = load(&options(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    (named(&render::to_json(&loaded.project)), named(&render::to_yaml(&loaded.project)))
}

fn theirs(program: &Path, file: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .arg("-f")
        .arg(file)
        .arg("config")
        .args(arguments)
        .env_clear()
        .envs([("FROM_ENV", "of the environment"), ("HOME", "/root"), ("TAG", "3.1")])
        .current_dir(folder())
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(named(&String::from_utf8(output.stdout).unwrap()))
}

fn same(differences: &mut Vec<String>, what: &str, ours: &str, theirs: &str) {
    if ours != theirs {
        let at = ours.lines().zip(theirs.lines()).position(|(one, other)| one != other).unwrap_or(0);
        let line = |text: &str| text.lines().nth(at).unwrap_or("(end)").to_owned();
        differences.push(format!(
            "{what}, line {}:\n  ours   {}\n  theirs {}",
            at + 1,
            line(ours),
            line(theirs)
        ));
    }
}

fn our_hashes(file: &Path) -> String {
    let project = load(&Options { resolve_environment: false, ..options(file) }).unwrap().project;
    project.services.iter().map(|(name, service)| format!("{name} {}\n", service_hash(service))).collect()
}

fn value(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

#[test]
fn the_same_as_captured() {
    let mut differences = Vec::new();
    for file in files() {
        let (json, yaml) = ours(&file);
        let captured = |ending: &str| {
            let path = file.with_extension(ending);
            cove_sys::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        same(&mut differences, &name, &value(&json), &value(&captured("json")));
        same(&mut differences, &format!("{name} as YAML"), &yaml, &captured("out"));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_same_as_docker_compose_says() {
    let plugins = std::env::var_os("COVE_DOCKER_PLUGINS").map(PathBuf::from);
    let Some(program) = plugins.map(|folder| folder.join("docker-compose")).filter(|path| path.exists())
    else {
        eprintln!("skipped: docker-compose: COVE_DOCKER_PLUGINS names no folder that has it");
        return;
    };
    let capture = std::env::var_os("COVE_GENERATE").is_some();
    let mut differences = Vec::new();
    for file in files() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let (json, yaml) =
            match (theirs(&program, &file, &["--format", "json"]), theirs(&program, &file, &[])) {
                (Ok(json), Ok(yaml)) => (json, yaml),
                (Err(error), _) | (_, Err(error)) => {
                    differences.push(format!("{name}: {error}"));
                    continue;
                }
            };
        if capture {
            cove_sys::fs::write(file.with_extension("json"), &json).unwrap();
            cove_sys::fs::write(file.with_extension("out"), &yaml).unwrap();
        }
        match load(&options(&file)) {
            Ok(_) => {
                let (our_json, our_yaml) = ours(&file);
                same(&mut differences, &name, &value(&our_json), &value(&json));
                same(&mut differences, &format!("{name} as YAML"), &our_yaml, &yaml);
                let hashes = theirs(&program, &file, &["--hash", "*"]).unwrap();
                same(&mut differences, &format!("{name}: hashes"), &our_hashes(&file), &hashes);
            }
            Err(error) => differences.push(format!("{name}: {error}")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn hashes_are_those_of_docker_compose() {
    let expected = concat!(
        "db 46bf664ac7914745355aeb7b80ced36cb2364cbc5f40db2edbc46efdd31cd05f\n",
        "wordpress 5ff79e8605d904694cc94875de09063976731247f2cb4a144b6e7f53de469b8d\n",
    );
    assert_eq!(our_hashes(&folder().join("wordpress.yaml")), expected);
}
