//! AppArmor: the profile of containers for which no other is asked, and that a profile is loaded before a process
//! gets it.
//!
//! The profile holds where masks, read-only paths and capabilities have been undone, too. It is loaded by
//! `apparmor_parser` (its man page), which takes the rights of root: containers of ordinary users have none. The
//! language is that of apparmor.d(5).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cove_sys::fs;
use cove_sys::process::{self, RunOptions, find_program};

use crate::error::{Error, Result};

/// The name of the profile of containers for which no other is asked.
pub const DEFAULT_PROFILE: &str = "cove-default";
/// Where the kernel lists what is loaded (securityfs).
const LOADED: &str = "/sys/kernel/security/apparmor/profiles";
/// Where the parser's own files are.
const INCLUDES: &str = "/etc/apparmor.d";
/// Where distributions install the parser, also outside of PATH.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin"];

/// The program that loads profiles, where it is installed.
pub(crate) fn parser() -> Option<PathBuf> {
    find_program("apparmor_parser", &FOLDERS.map(PathBuf::from), None).ok()
}

/// Loads the default profile where the kernel does not have it yet, and refuses another that is not loaded.
///
/// # Errors
/// It is not loaded, or cannot be.
pub fn require(name: &str) -> Result<()> {
    // Not everybody may read the list: the runtime refuses what is not there.
    let Ok(loaded) = fs::read_to_string(LOADED) else {
        return if name == DEFAULT_PROFILE { load(parser().as_deref()) } else { Ok(()) };
    };
    if is_loaded(&loaded, name) {
        return Ok(());
    }
    if name == DEFAULT_PROFILE {
        return load(parser().as_deref());
    }
    Err(Error::Unsupported {
        what: format!("AppArmor profile {name:?} specified but not loaded"),
        why: format!("it is not in {LOADED}: load it with apparmor_parser"),
    })
}

/// Whether the kernel's list (`NAME (MODE)` in each line) has a profile.
fn is_loaded(list: &str, name: &str) -> bool {
    list.lines().any(|line| line.rsplit_once(" (").is_some_and(|(loaded, _)| loaded == name))
}

fn load(parser: Option<&Path>) -> Result<()> {
    let refused = |why: String| Error::Unsupported {
        what: format!("the AppArmor profile {DEFAULT_PROFILE} of containers"),
        why: format!("{why} (--security-opt apparmor=unconfined does without)"),
    };
    let parser = parser.ok_or_else(|| refused("apparmor_parser is not installed".to_owned()))?;
    let mut command = Command::new(parser);
    // Replaces one that was loaded in the meantime, and neither reads nor writes the cache.
    command.args(["--replace", "--skip-cache"]).current_dir("/");
    let options = RunOptions { stdin: text(Path::new(INCLUDES)).into_bytes(), ..RunOptions::default() };
    let output = process::run(&mut command, &options).map_err(|error| refused(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(refused(format!("{}: {}: {said}", parser.display(), output.status)))
}

/// The default profile. What it includes is left out where the folder of profiles does not have it.
fn text(includes: &Path) -> String {
    let include = |file: &str| {
        if includes.join(file).exists() { format!("#include <{file}>\n") } else { String::new() }
    };
    let mut text = include("tunables/global");
    if text.is_empty() {
        text.push_str("@{PROC}=/proc/\n");
    }
    let name = DEFAULT_PROFILE;
    let _ = write!(
        text,
        "profile {name} flags=(attach_disconnected,mediate_deleted) {{\n{}\
         network,\ncapability,\nfile,\numount,\n\
         # From outside come the signals of who manages the container, and inside all is as it would be.\n\
         signal (receive) peer=unconfined,\n\
         signal (receive) peer={{crun,runc,youki,cove,cove-monitor,podman}},\n\
         signal (send, receive) peer={name},\n\
         ptrace (trace, read, tracedby, readby) peer={name},\n\
         deny mount,\n",
        include("abstractions/base"),
    );
    let mut deny = |path: &str, access: &str| {
        let _ = writeln!(text, "deny {path} {access},");
    };
    deny("@{PROC}/*", "w");
    deny("@{PROC}/[^1-9s]**", "w");
    for path in all_but("@{PROC}/s", "ys/").chain(all_but("@{PROC}/sys/", "kernel/shm")) {
        deny(&path, "w");
    }
    deny("@{PROC}/{sysrq-trigger,kcore}", "rwklx");
    for path in all_but("/sys/", "fs/cgroup/") {
        deny(&path, "wklx");
    }
    deny("/sys/firmware/**", "rwklx");
    deny("/sys/kernel/security/**", "rwklx");
    text.push_str("}\n");
    text
}

/// Patterns of all beneath `base` that does not begin with `allowed`.
fn all_but<'a>(base: &'a str, allowed: &'a str) -> impl Iterator<Item = String> + 'a {
    allowed.char_indices().map(move |(at, next)| format!("{base}{}{{,[^{next}]**}}", &allowed[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_by_its_whole_name() {
        let list = "cove-default-old (enforce)\n/usr/bin/man (enforce)\ndocker-default (enforce)\na b (c) (complain)\n";
        for (name, loaded) in [
            ("docker-default", true),
            ("cove-default", false),
            ("a b (c)", true),
            ("docker", false),
            ("", false),
        ] {
            assert_eq!(is_loaded(list, name), loaded, "{name}");
        }
        assert!(is_loaded("cove-default (enforce)\n", DEFAULT_PROFILE));
    }

    #[test]
    fn what_is_denied_ends_where_the_exception_begins() {
        let patterns: Vec<String> = all_but("/sys/", "fs/").collect();
        assert_eq!(patterns, ["/sys/{,[^f]**}", "/sys/f{,[^s]**}", "/sys/fs{,[^/]**}"]);
    }

    #[test]
    fn a_refusal_names_the_way_out() {
        load(Some(Path::new("/bin/true"))).unwrap();
        let refused = load(Some(Path::new("/bin/false"))).unwrap_err().to_string();
        assert!(
            refused.contains("/bin/false: exit status: 1") && refused.contains("apparmor=unconfined"),
            "{refused}"
        );
        assert!(load(None).unwrap_err().to_string().contains("not installed"));
    }

    #[test]
    fn the_real_parser_takes_it() {
        let Some(parser) = parser() else {
            return cove_test_support::skip(
                cove_test_support::Need::Profile,
                "apparmor_parser is not installed",
            );
        };
        // With the includes of the system and without any.
        for includes in [INCLUDES, "/nonexistent"] {
            let mut command = Command::new(&parser);
            command.args(["--skip-kernel-load", "--skip-cache", "--stdout"]);
            let options = RunOptions {
                stdin: text(Path::new(includes)).into_bytes(),
                output_limit: 16 << 20,
                ..RunOptions::default()
            };
            let output = process::run(&mut command, &options).unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && !output.stdout.is_empty(), "{said}");
        }
    }
}
