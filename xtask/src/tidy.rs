//! `cargo xtask tidy`: what a reader of the code may rely on.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{book, links, shell};

/// Longest source file, in lines.
const LONGEST_FILE: usize = 1000;
/// Longest `lib.rs` or `mod.rs` outside tests: documentation, re-exports, and a trait where the folder is about one.
const LONGEST_INDEX: usize = 200;

/// Runs every check.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(argument) = arguments.first() {
        bail!("unknown argument {argument:?}");
    }
    shell::step("formatting", || shell::run(shell::cargo().args(["fmt", "--all", "--check"])))?;
    shell::step("file sizes", file_sizes)?;
    shell::step("crate directions", directions)?;
    shell::step("silent libraries", silence)?;
    shell::step("links of documents", links::check)?;
    shell::step("translations of documents", book::translations)?;
    shell::step("the API's document", || {
        let mut command = shell::cargo();
        shell::run(command.args(["test", "--quiet"]).args(shell::SELECTION).args(["--test", "openapi"]))
    })?;
    shell::step("lints", || {
        let mut command = shell::cargo();
        command.arg("clippy").args(shell::SELECTION).args([
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]);
        shell::run(&mut command)
    })?;
    shell::step("advisories and licences", || {
        if shell::output(shell::cargo().args(["deny", "--version"])).is_err() {
            eprintln!("skipped: cargo-deny is not installed (cargo install cargo-deny)");
            return Ok(());
        }
        shell::run(shell::cargo().args(["deny", "--offline", "check", "bans", "licenses", "sources"]))
    })
}

/// Which of our packages a package may use.
fn allowed(package: &str) -> Option<&'static [&'static str]> {
    Some(match package {
        "cove-api" | "cove-sys" => &[],
        "cove-config" => &["cove-api", "cove-sys"],
        "cove-spec" => &["cove-api"],
        "cove-monitor" => &["cove-sys"],
        // The monitor's library is the protocol between the two.
        "cove-runtime" => &["cove-api", "cove-config", "cove-monitor", "cove-sys"],
        "cove-archive" => &["cove-sys"],
        "cove-registry" | "cove-storage" => &["cove-api", "cove-archive", "cove-config", "cove-sys"],
        "cove-tree" => &["cove-api", "cove-archive", "cove-sys"],
        "cove-network" => &["cove-api", "cove-config", "cove-sys"],
        "cove-quadlet" => &["cove-sys"],
        "cove-kube" => &["cove-api", "cove-spec"],
        "cove-compose" => &["cove-api", "cove-spec", "cove-sys"],
        "cove-docker" => &["cove-api", "cove-spec"],
        "cove-project" => &["cove-api", "cove-archive", "cove-compose", "cove-docker", "cove-sys"],
        "cove-convert" => {
            &["cove-api", "cove-compose", "cove-kube", "cove-project", "cove-quadlet", "cove-spec"]
        }
        "cove-build" => &["cove-api", "cove-archive", "cove-tree"],
        "cove-engine" => &[
            "cove-api",
            "cove-archive",
            "cove-build",
            "cove-cluster",
            "cove-config",
            "cove-kube",
            "cove-network",
            "cove-quadlet",
            "cove-registry",
            "cove-runtime",
            "cove-spec",
            "cove-storage",
            "cove-sys",
            "cove-tree",
        ],
        "cove-buildkit" => &["cove-api", "cove-build", "cove-sys", "cove-tree"],
        "cove-server" => &["cove-api", "cove-buildkit", "cove-docker", "cove-spec", "cove-sys"],
        "cove-cluster" => &["cove-api", "cove-kube", "cove-sys"],
        "cove-client" => &["cove-api", "cove-config", "cove-sys"],
        "cove-machine" => &["cove-api", "cove-archive", "cove-client", "cove-config", "cove-sys"],
        "cove-desktop" => &[
            "cove-api",
            "cove-archive",
            "cove-client",
            "cove-compose",
            "cove-config",
            "cove-kube",
            "cove-machine",
            "cove-project",
            "cove-spec",
            "cove-sys",
        ],
        "cove-desktop-app" => &["cove-desktop"],
        "cove-test-support" => &["cove-api", "cove-sys"],
        "cove-cli" => return None,
        _ => &[],
    })
}

fn directions() -> Result<()> {
    let text = shell::output(shell::cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        if matches!(name, "xtask" | "cove-tests") {
            continue;
        }
        let Some(allowed) = allowed(name) else { continue };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Tests may use what they like.
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            let used = dependency["name"].as_str().unwrap_or_default();
            // No crate's `allowed` names cove-test-support: it is for tests only.
            if used.starts_with("cove-") && !allowed.contains(&used) {
                wrong.push(format!("{name} must not use {used}"));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

/// Library crates print nothing; the tests' one says what is skipped.
fn silence() -> Result<()> {
    let mut files = Vec::new();
    collect(&shell::root().join("crates"), &mut files)?;
    let mut wrong = Vec::new();
    for file in files {
        let shown = file.strip_prefix(shell::root()).unwrap_or(&file).display().to_string();
        let is_library = shown.contains("/src/")
            && !["crates/cli/", "crates/monitor/", "crates/test-support/"]
                .iter()
                .any(|folder| shown.starts_with(folder));
        if !is_library {
            continue;
        }
        let text = std::fs::read_to_string(&file).with_context(|| shown.clone())?;
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            let prints =
                ["println!(", "print!(", "eprintln!(", "eprint!("].iter().any(|name| code.starts_with(name));
            if prints {
                wrong.push(format!("{shown}:{}: a library prints", number + 1));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn file_sizes() -> Result<()> {
    let mut files = Vec::new();
    for folder in ["crates", "src-tauri/src", "tests", "xtask", "ui/src"] {
        collect(&shell::root().join(folder), &mut files)?;
    }
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let lines = text.lines().count();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shown = file.strip_prefix(shell::root()).unwrap_or(&file).display().to_string();
        if lines > LONGEST_FILE {
            wrong.push(format!("{shown}: {lines} lines; split it by meaning (limit {LONGEST_FILE})"));
        }
        let is_index = (name == "lib.rs" || name == "mod.rs") && !shown.contains("tests/");
        if is_index && lines > LONGEST_INDEX {
            wrong.push(format!(
                "{shown}: {lines} lines; it is for documentation and re-exports (limit {LONGEST_INDEX})"
            ));
        }
        if name.ends_with(".rs") && !text.starts_with("//!") && !text.starts_with("#!") {
            wrong.push(format!("{shown}: says nothing of itself; begin with a //! line"));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "node_modules" | "target" | "generated" | "dist" | "snapshots") {
                collect(&path, files)?;
            }
        } else if [".rs", ".ts", ".svelte"].iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
    Ok(())
}
