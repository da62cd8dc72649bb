//! What an image is built for: one platform after another, and the list of what comes of several.

use std::path::Path;
use std::sync::Arc;

use cove_api::{BuildOptions, Error, Result};
use cove_build::{Decision, Plan, SourcePolicy, StageBase};
use cove_registry::Platform;
use cove_sys::fs;

use super::start::{platform, platform_text};
use crate::engine::Core;
use crate::image::lists;

/// Where the kernel tells which programs run others.
const HANDLERS: &str = "/proc/sys/fs/binfmt_misc";

/// The platforms that the options name; none is this machine's.
pub(super) fn wanted(options: &BuildOptions) -> Result<Vec<Platform>> {
    let mut all: Vec<Platform> = Vec::new();
    for text in &options.platforms {
        let one = platform(text)?;
        if !all.contains(&one) {
            all.push(one);
        }
    }
    Ok(all)
}

/// The platforms for which all images have something that the target's stages are made from.
pub(super) async fn of_bases(
    core: &Arc<Core>,
    options: &BuildOptions,
    plan: &Plan,
    policy: &SourcePolicy,
) -> Result<Vec<Platform>> {
    let mut common: Option<Vec<Platform>> = None;
    for stage in plan.stages.iter().filter(|stage| stage.needed && stage.platform.is_none()) {
        let StageBase::Image(name) = &stage.base else { continue };
        let instead = match policy.image(name)? {
            Decision::Allow => None,
            Decision::Convert(instead) => Some(instead),
        };
        let has = lists::platforms(core, instead.as_deref().unwrap_or(name), &options.access).await?;
        common = Some(match common {
            None => has,
            Some(common) => common.into_iter().filter(|one| has.contains(one)).collect(),
        });
    }
    match common {
        Some(common) if !common.is_empty() => Ok(common),
        _ => Err(Error::invalid("--all-platforms: the base images have no platform in common")),
    }
}

/// Refuses a command for a platform whose programs this machine cannot run, and says what to install.
pub(super) fn check_runnable(architecture: &str) -> Result<()> {
    let host = Platform::host();
    if architecture.is_empty() || runs_natively(&host.architecture, architecture) {
        return Ok(());
    }
    let Some(header) = header(architecture) else { return Ok(()) };
    match handles(Path::new(HANDLERS), &header) {
        // Where nothing can be seen there may be one nevertheless.
        None | Some(true) => Ok(()),
        Some(false) => Err(Error::invalid(format!(
            "commands for {architecture} do not run on this machine, which is {}: it needs an emulator that the kernel \
             knows with the flag F, such as the package qemu-user-static",
            host.architecture
        ))),
    }
}

fn runs_natively(host: &str, wanted: &str) -> bool {
    host == wanted || matches!((host, wanted), ("amd64", "386") | ("arm64", "arm"))
}

/// How a program for an architecture begins.
fn header(architecture: &str) -> Option<[u8; 20]> {
    const LITTLE: u8 = 1;
    const BIG: u8 = 2;
    let (class, order, machine): (u8, u8, u16) = match architecture {
        "amd64" => (2, LITTLE, 62),
        "386" => (1, LITTLE, 3),
        "arm64" => (2, LITTLE, 183),
        "arm" => (1, LITTLE, 40),
        "loong64" => (2, LITTLE, 258),
        "mips" => (1, BIG, 8),
        "mipsle" => (1, LITTLE, 8),
        "mips64" => (2, BIG, 8),
        "mips64le" => (2, LITTLE, 8),
        "ppc64" => (2, BIG, 21),
        "ppc64le" => (2, LITTLE, 21),
        "riscv64" => (2, LITTLE, 243),
        "s390x" => (2, BIG, 22),
        _ => return None,
    };
    let mut header = [0; 20];
    header[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order, 1, 0]);
    let number = |value: u16| if order == BIG { value.to_be_bytes() } else { value.to_le_bytes() };
    // A program that can be anywhere in memory.
    header[16..18].copy_from_slice(&number(3));
    header[18..].copy_from_slice(&number(machine));
    Some(header)
}

/// Whether something runs a program that begins like this; [`None`] where that cannot be seen.
fn handles(folder: &Path, header: &[u8]) -> Option<bool> {
    let entries = fs::read_dir(folder).ok()?;
    let status = fs::read_to_string(folder.join("status")).ok()?;
    if status.trim() != "enabled" {
        return Some(false);
    }
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Some(paths.filter_map(|path| fs::read_to_string(&path).ok()).any(|text| handler(&text, header)))
}

/// Whether such a description means a program that begins like this, and is there in a container, too.
fn handler(text: &str, header: &[u8]) -> bool {
    let value =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default();
    let is_enabled = text.lines().next().is_some_and(|line| line.trim() == "enabled");
    if !is_enabled || !value("flags:").contains('F') {
        return false;
    }
    let offset: usize = value("offset ").parse().unwrap_or(0);
    let Some(magic) = bytes(value("magic ")).filter(|magic| !magic.is_empty()) else { return false };
    let mask = bytes(value("mask ")).filter(|mask| mask.len() == magic.len());
    let mask = mask.unwrap_or_else(|| vec![0xff; magic.len()]);
    let Some(begin) = offset.checked_add(magic.len()).and_then(|end| header.get(offset..end)) else {
        return false;
    };
    begin.iter().zip(&mask).zip(&magic).all(|((byte, mask), magic)| byte & mask == *magic & mask)
}

/// Bytes in hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// What a line of a build begins with where there are several.
pub(super) fn mark(platform: &Platform) -> String {
    format!("[{}] ", platform_text(platform))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARM64: &str = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\noffset 0\n\
                         magic 7f454c460201010000000000000000000200b700\n\
                         mask ffffffffffffff00fffffffffffffffffeffffff\n";
    const S390X: &str = "enabled\ninterpreter /q\nflags: F\noffset 0\n\
                         magic 7f454c4602020100000000000000000000020016\n\
                         mask ffffffffffffff00fffffffffffffffffffeffff\n";

    #[test]
    fn handlers_are_for_what_their_magic_says() {
        let arm64 = header("arm64").unwrap();
        let s390x = header("s390x").unwrap();
        assert!(handler(ARM64, &arm64));
        assert!(!handler(ARM64, &s390x) && !handler(ARM64, &header("riscv64").unwrap()));
        assert!(handler(S390X, &s390x) && !handler(S390X, &arm64));
        // Neither without the flag, nor switched off, nor nonsense.
        assert!(!handler(&ARM64.replace("POCF", "POC"), &arm64));
        assert!(!handler(&ARM64.replace("enabled", "disabled"), &arm64));
        for text in [
            "",
            "enabled\nflags: F\nmagic zz\n",
            "enabled\nflags: F\noffset 18446744073709551615\nmagic 7f\n",
        ] {
            assert!(!handler(text, &arm64), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_not_refused() {
        let folder = tempfile::tempdir().unwrap();
        let arm64 = header("arm64").unwrap();
        assert_eq!(handles(folder.path(), &arm64), None);
        fs::write(folder.path().join("status"), "enabled\n").unwrap();
        assert_eq!(handles(folder.path(), &arm64), Some(false));
        fs::write(folder.path().join("qemu-aarch64"), ARM64).unwrap();
        assert_eq!(handles(folder.path(), &arm64), Some(true));
        fs::write(folder.path().join("status"), "disabled\n").unwrap();
        assert_eq!(handles(folder.path(), &arm64), Some(false));
        assert!(runs_natively("amd64", "386") && !runs_natively("amd64", "arm64"));
    }
}
