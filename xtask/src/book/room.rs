//! A place where one reader follows one chapter: a home, programs and configuration of their own.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::chapter::{Chapter, Step, Who};
use super::look_alikes::{LookAlikes, PASSWORD, PRIVATE};
use super::script::{self, Told};
use super::{compare, folder};
use crate::shell;

/// How long a chapter may take; the one with a machine takes longest.
const PATIENCE: Duration = Duration::from_secs(600);

/// Removes an ordinary user's store, whose files and mounts belong to the user's namespaces, and ends the process that
/// keeps these. Root has none of it.
const END_OF_STORE: &str = "test $(id -u) = 0 || { cove unshare sh -c 'umount -l .local/share/containers/storage/overlay; \
    rm -rf .local/share/containers'; cove system migrate; }";

/// What came of it.
pub(crate) struct Read {
    /// What is not as the page shows.
    pub(crate) wrong: Vec<String>,
    /// What was not done: need and reason.
    pub(crate) skipped: Vec<(String, String)>,
}

/// What this machine lacks for such a reader: the need and the reason.
pub(crate) fn lack(who: Who) -> Option<(&'static str, String)> {
    match (who, shell::is_root()) {
        (Who::Root, false) => Some(("root", "not run as root".to_owned())),
        (Who::Root, true) | (Who::User, false) => None,
        (Who::User, true) => {
            let user = user();
            let known = shell::output(Command::new("id").args(["-u", &user])).is_ok();
            (!known).then(|| ("user", format!("there is no user {user}")))
        }
    }
}

/// The ordinary user of the tests.
fn user() -> String {
    std::env::var("COVE_TEST_USER").unwrap_or_else(|_| "cove-test".to_owned())
}

/// Follows the chapter.
pub(crate) fn read(chapter: &Chapter, who: Who, images: &LookAlikes) -> Result<Read> {
    let room = Room::new(who, images)?;
    let output = room.run(&script::write(chapter))?;
    let output = output.replace(&images.private(), PRIVATE);
    Ok(judge(chapter, &script::read(&output)))
}

fn judge(chapter: &Chapter, told: &Told) -> Read {
    let mut read = Read { wrong: Vec::new(), skipped: Vec::new() };
    for (at, step) in chapter.steps.iter().enumerate() {
        let (line, text, shown, fails) = match step {
            Step::Command { line, text, shown, fails } => (*line, text, Some(shown), *fails),
            Step::Given { line, text } => (*line, text, None, false),
            Step::Needs { need, text } if told.unmet.contains(&at) => {
                read.skipped.push((need.clone(), format!("`{text}` fails")));
                continue;
            }
            _ => continue,
        };
        if told.left_out.contains(&at) {
            continue;
        }
        let Some(done) = told.done.get(&at) else {
            read.wrong.push(format!("line {line}: $ {text}\nnever ended"));
            break;
        };
        let as_shown = shown.is_none_or(|shown| compare::same(shown, &done.written));
        if (done.code != 0) != fails || !as_shown {
            let shown = shown.map(|shown| shown.join("\n")).unwrap_or_default();
            read.wrong.push(format!(
                "line {line}: $ {text}\n-- shown{}:\n{shown}\n-- written, exit code {}:\n{}",
                if fails { ", and that it fails" } else { "" },
                done.code,
                done.written.trim_end()
            ));
        }
    }
    read
}

struct Room<'a> {
    folder: PathBuf,
    /// Who works in it, where that is not who runs this.
    user: Option<String>,
    images: &'a LookAlikes,
}

impl<'a> Room<'a> {
    fn new(who: Who, images: &'a LookAlikes) -> Result<Self> {
        // Short, because the sockets in it have at most 107 bytes.
        let folder = PathBuf::from(format!("/tmp/bk{}{}", std::process::id(), who.name()));
        let user = (who == Who::User && shell::is_root()).then(user);
        let room = Self { folder, user, images };
        for name in ["home", "home/bin", "home/.docker", "run"] {
            std::fs::create_dir_all(room.folder.join(name))?;
        }
        std::fs::set_permissions(room.folder.join("run"), PermissionsExt::from_mode(0o700))?;
        let home = room.folder.join("home");
        std::fs::copy(&images.archive, home.join("rootfs.tar"))?;
        std::fs::write(home.join("token.txt"), PASSWORD)?;
        std::fs::write(room.folder.join("registries.conf"), images.registries_conf())?;
        room.program("cove", &room.cove(who))?;
        // A port answers a moment after its container was started; readers type more slowly than that.
        room.program(
            "curl",
            "set -o pipefail\n\
             /usr/bin/curl -sS --retry 15 --retry-delay 1 --retry-all-errors \"$@\" 2>&1 | sed '/^curl: .*retr/d'",
        )?;
        if let Some(user) = &room.user {
            shell::output(Command::new("chown").arg("-R").arg(format!("{user}:")).arg(&room.folder))?;
        }
        // The plug-ins of Docker's client, where they are not installed.
        if let Some(plugins) = std::env::var_os("COVE_DOCKER_PLUGINS") {
            std::os::unix::fs::symlink(plugins, home.join(".docker/cli-plugins"))?;
        }
        Ok(room)
    }

    /// What `cove` is: for an ordinary user the program, for root the program with a store of its own; by the name of a
    /// link, such as `skopeo`, what the program is by that name.
    fn cove(&self, who: Who) -> String {
        let program = self.images.programs().join("cove").display().to_string();
        let place = |name: &str| self.folder.join(name).display().to_string();
        let own_store = format!("--root {} --runroot {}", place("root"), place("rr"));
        let options = match who {
            Who::User => "",
            Who::Root => &own_store,
        };
        format!(
            "name=${{0##*/}}\ncase $name in cove|docker|podman) exec {program} {options} \"$@\";; esac\n\
             exec -a \"$name\" {program} \"$@\""
        )
    }

    fn program(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join("home/bin").join(name);
        std::fs::write(&path, format!("#!/bin/bash\n{text}\n"))?;
        Ok(std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))?)
    }

    /// A shell in the room.
    fn shell(&self) -> Command {
        let mut command = match &self.user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--init-groups", "bash"]);
                command
            }
            None => Command::new("bash"),
        };
        let home = self.folder.join("home");
        command.env_clear().current_dir(&home).env("HOME", &home);
        command.env(
            "PATH",
            format!("{}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", home.display()),
        );
        command.env("BOOK_PROGRAMS", self.images.programs());
        command.env("XDG_RUNTIME_DIR", self.folder.join("run"));
        command.env("CONTAINERS_REGISTRIES_CONF", self.folder.join("registries.conf"));
        command.env("REGISTRY_AUTH_FILE", self.folder.join("run/auth.json"));
        command.env("PODMAN_COMPOSE_WARNING_LOGS", "false");
        command.env("LANG", "C.UTF-8").env("USER", self.name());
        // A group of its own, so that what runs in the background can be ended.
        command.process_group(0).stdin(Stdio::null());
        command
    }

    /// The name of who works in it, as a login gives it to the shell.
    fn name(&self) -> String {
        let own = || shell::output(Command::new("id").arg("-un")).unwrap_or_default();
        self.user.clone().unwrap_or_else(own).trim().to_owned()
    }

    /// Runs the script and answers what it wrote.
    fn run(&self, script: &str) -> Result<String> {
        let script = script.replace(PRIVATE, &self.images.private());
        let output = self.folder.join("output");
        let file = std::fs::File::create(&output)?;
        let mut command = self.shell();
        command.args(["-c", &script]).stdout(file.try_clone()?).stderr(file);
        let mut child = command.spawn().context("a shell")?;
        let group = format!("-{}", child.id());
        let deadline = Instant::now() + PATIENCE;
        let ended = loop {
            if child.try_wait()?.is_some() {
                break true;
            }
            if Instant::now() > deadline {
                break false;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        // Its jobs in the background, and itself where it hangs.
        let _ = shell::output(Command::new("kill").args(["-KILL", "--", &group]));
        if !ended {
            let _ = child.wait();
        }
        let bytes = std::fs::read(&output)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Takes away what the chapter has left.
    fn clear(&self) -> Result<()> {
        // Root's networks lie where those of this machine do; the book's begin with `book`.
        let script = "cove machine ls -q | xargs -r -n 1 cove machine rm -f; cove pod rm -fa -t 0; cove rm -fa -t 0; \
            cove network ls -q | grep '^book' | xargs -r cove network rm -f";
        self.run(script)?;
        self.run(END_OF_STORE)?;
        folder::remove(&self.folder)
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            eprintln!("book: {error:#}");
        }
    }
}
