//! Build files, each built by Cove and by Podman (whose builder is Buildah), with equal files, configuration and layers.
//!
//! The cases are texts in `cases/`; `case.rs` says how they are written. Those that tell their result are judged without
//! the peer, the others beside the version of it that they were written for.

mod case;
mod facts;

use std::process::Command;

use cove_sys::fs;
use cove_test_support::{Bed, Need, Outcome, Who, met};

use case::{Case, Verdict};

/// Builds every case of a text.
fn corpus(text: &str) {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let cases = case::read(text).unwrap_or_else(|fault| panic!("{fault}"));
    let wanted = std::env::var("COVE_CASE").ok();
    let compares = |case: &Case| !matches!(case.verdict, Verdict::Told(_) | Verdict::Refused(_));
    let has_peer = !cases.iter().any(compares) || met(&[Need::Podman43]);
    let chosen = cases.iter().filter(|case| {
        (has_peer || !compares(case)) && wanted.as_ref().is_none_or(|name| *name == case.name)
    });
    let faults: Vec<String> = chosen
        .filter_map(|case| judge(&bed, case).err().map(|fault| format!("== {}\n{fault}", case.name)))
        .collect();
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// What Podman does. It copies its own program to memory before a step, and fails when the kernel still has a page of
/// that in use: then once more.
fn of_podman(command: impl Fn() -> Command) -> Outcome {
    let outcome = Outcome::of(command(), b"");
    if outcome.stderr.contains("sealing memfd copy") { Outcome::of(command(), b"") } else { outcome }
}

/// What is wrong with a case, if anything.
fn judge(bed: &Bed, case: &Case) -> Result<(), String> {
    let folder = bed.path("context");
    let _ = fs::remove_dir_all(&folder);
    case.write(&folder);
    let at = folder.display().to_string();
    if case.has("Base") {
        let file = folder.join("Base").display().to_string();
        let made = bed.cove(&["build", "-q", "--network", "none", "-f", &file, "-t", "localhost/based", &at]);
        if made.code != 0 {
            return Err(format!("its base: {}", made.stderr));
        }
    }
    let build = |name: &str, network: &str| {
        let words: Vec<&str> = ["build", "-t", name].into_iter().chain(case.flags()).collect();
        let mut words: Vec<String> = words.into_iter().map(|word| word.replace("CONTEXT", &at)).collect();
        if !case.has_flag("--network") {
            words.push(format!("--network={network}"));
        }
        words.push(at.clone());
        words
    };
    let ours = bed.cove(&build("localhost/ours", "none").iter().map(String::as_str).collect::<Vec<_>>());
    match &case.verdict {
        Verdict::Refused(text) => refused(&ours, text),
        Verdict::Told(told) => {
            succeeded("cove", &ours)?;
            facts::of(bed, "localhost/ours")?.tell(told)
        }
        verdict => {
            // In a chroot: Podman's OCI runtime does not cope with every machine's control groups. There it has the
            // host's network.
            let words = build("localhost/theirs", "host");
            // Without its cache, which takes steps for equal whose arguments differ; ours is tried by all cases together.
            let theirs = of_podman(|| {
                let mut command = bed.program("podman".as_ref());
                command.args(bed.store_options()).args(&words).args(["--isolation=chroot", "--no-cache"]);
                command
            });
            if matches!(verdict, Verdict::BothRefuse) {
                refused(&ours, "")?;
                return match theirs.code {
                    0 => Err("Podman does not refuse it".into()),
                    _ => Ok(()),
                };
            }
            succeeded("cove", &ours)?;
            succeeded("podman", &theirs)?;
            let (mut ours, mut theirs) =
                (facts::of(bed, "localhost/ours")?, facts::of(bed, "localhost/theirs")?);
            if case.makes_folders() {
                // The peer makes them with the next step, Cove and BuildKit in a layer of their own.
                ours.forget("layers");
                theirs.forget("layers");
            }
            match (verdict, ours.differences(&theirs)) {
                (Verdict::Differ(why), None) => Err(format!("it does not differ any more: {why}")),
                (Verdict::Differ(_), Some(_)) | (_, None) => Ok(()),
                (_, Some(differences)) => Err(differences),
            }
        }
    }
}

fn succeeded(program: &str, outcome: &Outcome) -> Result<(), String> {
    match outcome.code {
        0 => Ok(()),
        code => Err(format!("{program} ends with {code}:\n{}", outcome.stderr)),
    }
}

fn refused(outcome: &Outcome, text: &str) -> Result<(), String> {
    match outcome.code {
        0 => Err("cove does not refuse it".into()),
        _ if outcome.stderr.contains("panicked") => Err(outcome.stderr.clone()),
        _ if !outcome.stderr.contains(text) => Err(format!("{text:?} is not in: {}", outcome.stderr)),
        _ => Ok(()),
    }
}

#[test]
fn instructions() {
    corpus(include_str!("cases/instructions.txt"));
}

#[test]
fn copying() {
    corpus(include_str!("cases/copying.txt"));
}

#[test]
fn adding() {
    corpus(include_str!("cases/adding.txt"));
}

#[test]
fn running() {
    corpus(include_str!("cases/running.txt"));
}

#[test]
fn variables() {
    corpus(include_str!("cases/variables.txt"));
}

#[test]
fn stages() {
    corpus(include_str!("cases/stages.txt"));
}

#[test]
fn ignoring() {
    corpus(include_str!("cases/ignoring.txt"));
}

#[test]
fn options() {
    corpus(include_str!("cases/options.txt"));
}

#[test]
fn faults() {
    corpus(include_str!("cases/faults.txt"));
}

/// What BuildKit's syntax has beyond that of the peer: the results are written in the cases.
#[test]
fn beyond_the_peer() {
    corpus(include_str!("cases/beyond.txt"));
}
