//! Debian and Ubuntu. One transaction for all that is missing, chosen so that it takes nothing away.

use std::path::Path;

use anyhow::{Result, bail};

use super::needs::{NEEDS, Need};
use super::{Effect, Removals, administrator, agree};
use crate::shell;

/// Another apt at work (a fresh machine updates itself) is waited for, and a broken download tried again.
const PATIENCE: [&str; 4] = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
/// Brings the lists up to date.
pub(super) const UPDATE: [&str; 6] = [PATIENCE[0], PATIENCE[1], PATIENCE[2], PATIENCE[3], "-q", "update"];

/// Installs the packages of these needs.
pub(super) fn install(wanted: &[&Need], removals: Removals) -> Result<()> {
    let names = available(wanted)?;
    let (packages, effect) = plan(&names)?;
    agree(&effect, removals)?;
    let mut command = administrator("env")?;
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(PATIENCE).args(["-q", "-y"]);
    command.args(options(&effect)).arg("install").args(packages);
    shell::run(&mut command)
}

fn options(effect: &Effect) -> Vec<&'static str> {
    let mut options = vec!["--no-install-recommends"];
    if !effect.downgraded.is_empty() {
        options.push("--allow-downgrades");
    }
    options
}

/// The first spelling of each need that the sources have.
fn available(wanted: &[&Need]) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let mut unknown = Vec::new();
    for need in wanted {
        match spelling(need) {
            Some(name) if names.iter().any(|known| known == name) => {}
            Some(name) => names.push(name.to_owned()),
            None => unknown.push(need.apt.join(" or ")),
        }
    }
    if !unknown.is_empty() {
        bail!(
            "the package sources of this machine have no {}: add the component that has them (Ubuntu: universe; \
             Debian: main of a newer release), or install by hand",
            unknown.join(", ")
        );
    }
    Ok(names)
}

/// The first of its names that the sources have.
pub(super) fn spelling(need: &Need) -> Option<&'static str> {
    need.apt.iter().copied().find(|name| versions(name).first().is_some_and(|version| can_be_had(version)))
}

/// Ubuntu has packages that only call snap, with such a version, and wait for it half an hour where it does not run.
fn can_be_had(version: &str) -> bool {
    !version.contains("snap") || Path::new("/run/snapd.socket").exists()
}

/// What to ask apt for so that nothing goes: the plain names; else, where a package of ours is installed in a version
/// that does not fit, the others in that version, or that one in the sources' version.
fn plan(names: &[String]) -> Result<(Vec<String>, Effect)> {
    let plain = simulate(names);
    let gone: Option<Vec<String>> = plain.as_ref().ok().map(|effect| effect.removed.clone());
    if gone.as_ref().is_some_and(Vec::is_empty) {
        return Ok((names.to_vec(), plain?));
    }
    let all_ours = || NEEDS.iter().flat_map(|need| need.apt.iter().copied());
    let in_the_way: Vec<String> = match gone {
        Some(gone) => gone.into_iter().filter(|name| all_ours().any(|own| own == name)).collect(),
        // apt found no way at all; anything of ours may be what it cannot keep.
        None => all_ours().map(str::to_owned).collect(),
    };
    let installed: Vec<(String, String)> = in_the_way
        .into_iter()
        .filter_map(|name| installed(&name).map(|version| (name, version)))
        .filter(|(name, version)| !names.contains(name) && !version.is_empty())
        .collect();
    let kept: Vec<&str> = installed.iter().map(|(_, version)| version.as_str()).collect();
    let in_their_version = names.iter().map(|name| {
        let found = versions(name).into_iter().find(|version| kept.contains(&version.as_str()));
        found.map_or_else(|| name.clone(), |version| format!("{name}={version}"))
    });
    // Only what came from elsewhere: a version that the sources have fits them.
    let in_the_sources_version = installed.iter().filter_map(|(name, version)| {
        let offered = versions(name);
        (!offered.contains(version)).then(|| offered.first().map(|newest| format!("{name}={newest}")))?
    });
    let candidates: [Vec<String>; 2] =
        [in_their_version.collect(), names.iter().cloned().chain(in_the_sources_version).collect()];
    for packages in candidates {
        if let Ok(effect) = simulate(&packages)
            && effect.removed.is_empty()
        {
            return Ok((packages, effect));
        }
    }
    Ok((names.to_vec(), plain?))
}

/// What apt would do; an error where it finds no way.
fn simulate(packages: &[String]) -> Result<Effect> {
    let mut command = shell::command("apt-get");
    command.env("LC_ALL", "C").args(["-s", "-q", "-y", "--no-install-recommends", "--allow-downgrades"]);
    let output = shell::output(command.arg("install").args(packages))?;
    Ok(effect(&output))
}

/// Reads the output of `apt-get -s`: `Remv NAME …` and `Inst NAME [OLD] (NEW …)` below a headline.
fn effect(output: &str) -> Effect {
    let mut effect = Effect::default();
    let mut downgraded: Vec<&str> = Vec::new();
    let mut in_downgrades = false;
    for line in output.lines() {
        if let Some(names) = line.strip_prefix("  ").filter(|_| in_downgrades) {
            downgraded.extend(names.split_whitespace());
        } else {
            in_downgrades = line.contains("will be DOWNGRADED");
        }
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("Remv"), Some(name)) => effect.removed.push(name.to_owned()),
            (Some("Inst"), Some(name)) if downgraded.contains(&name) => {
                let version =
                    |word: Option<&str>| word.unwrap_or_default().trim_matches(['[', ']', '(']).to_owned();
                let (old, new) = (version(words.next()), version(words.next()));
                effect.downgraded.push(format!("{name} from {old} to {new}"));
            }
            _ => {}
        }
    }
    effect
}

/// The versions that the sources offer, the newest first.
fn versions(name: &str) -> Vec<String> {
    let output = shell::output(shell::command("apt-cache").args(["madison", name])).unwrap_or_default();
    let row = |line: &str| {
        let mut fields = line.split('|').map(str::trim);
        let (own, version, source) = (fields.next()?, fields.next()?, fields.next()?);
        (own == name && source.ends_with("Packages")).then(|| version.to_owned())
    };
    output.lines().filter_map(row).collect()
}

/// The installed version.
fn installed(name: &str) -> Option<String> {
    let mut command = shell::command("dpkg-query");
    let output = shell::output(command.args(["-W", "-f", "${db:Status-Status} ${Version}", name])).ok()?;
    output.trim().strip_prefix("installed ").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_only_calls_snap() {
        assert!(can_be_had("143.0-1~deb12u1"));
        assert_eq!(can_be_had("2:1snap1-0ubuntu2"), Path::new("/run/snapd.socket").exists());
    }

    #[test]
    fn what_apt_would_do() {
        let adds = "The following NEW packages will be installed:\n  lz4\nInst lz4 (1.9.4-1 Debian:12/oldstable [amd64])\nConf lz4 (1.9.4-1)\n";
        assert_eq!(effect(adds), Effect::default());
        let removes = "The following packages will be REMOVED:\n  qemu-utils\nThe following NEW packages will be installed:\n  qemu-system-x86\nRemv qemu-utils [1:10.0.3]\nInst qemu-system-x86 (1:7.2 Debian:12 [amd64])\n";
        assert_eq!(effect(removes).removed, ["qemu-utils"]);
        let older = "The following packages will be DOWNGRADED:\n  qemu-utils qemu-x\nThe following NEW packages will be installed:\n  seabios\nInst qemu-utils [1:10.0.3] (1:7.2 Debian:12 [amd64])\nInst seabios (1.16 Debian:12 [all])\n";
        let effect = effect(older);
        assert_eq!(
            (effect.removed.len(), effect.downgraded),
            (0, vec!["qemu-utils from 1:10.0.3 to 1:7.2".to_owned()])
        );
    }
}
