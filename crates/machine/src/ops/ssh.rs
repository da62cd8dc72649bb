//! `machine ssh` and `machine cp`: the system's ssh and scp programs with the machine's keys.

use std::ffi::OsString;
use std::path::Path;

use super::copy::CopyEnds;
use super::machines::Machines;
use crate::error::{Error, Result};
use crate::keys;
use crate::name::MachineName;
use crate::paths::MachinePaths;

/// The host's name on the command line, which does not matter: options lead to the guest.
const HOST: &str = "127.0.0.1";

/// A program with its arguments, for the caller to run in its own terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshCommand {
    /// The program, looked up in PATH.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The name under which the guest's key stands in the machine's `known_hosts`: its port may change.
pub(super) fn host_alias(name: &MachineName) -> String {
    format!("cove-{name}")
}

/// What the programs need to reach a machine.
struct Way {
    options: Vec<OsString>,
    user: String,
}

impl Machines {
    /// The command that opens a shell in the machine, or runs `command` there as ssh does (its words are joined
    /// by spaces and given to the guest's shell). Its exit code is the command's, or 255 where ssh fails.
    ///
    /// # Errors
    /// The machine does not exist or does not run, the user's name is no user name, or the key cannot be used.
    pub fn ssh_command(
        &self,
        name: &MachineName,
        user: Option<&str>,
        command: &[OsString],
    ) -> Result<SshCommand> {
        let Way { options: mut arguments, user } = self.way(name, user)?;
        arguments.extend(["-l".into(), OsString::from(user)]);
        if command.is_empty() {
            arguments.push("-t".into());
        }
        arguments.push(HOST.into());
        if !command.is_empty() {
            arguments.push("--".into());
            arguments.extend(command.iter().cloned());
        }
        Ok(SshCommand { program: "ssh", arguments })
    }

    /// The command that copies a file or a folder with all in it between this host and the machine. A path in the
    /// machine that is not absolute begins at the user's home.
    ///
    /// # Errors
    /// As [`Machines::ssh_command`], or this host's path is not known.
    pub fn copy_command(&self, name: &MachineName, ends: &CopyEnds, quiet: bool) -> Result<SshCommand> {
        let Way { options: mut arguments, user } = self.way(name, None)?;
        arguments.push("-r".into());
        if quiet {
            arguments.push("-q".into());
        }
        let there = |path: &str| OsString::from(format!("{user}@{HOST}:{path}"));
        // scp takes what has a colon before its first slash for another host's.
        let here = |path: &Path| std::path::absolute(path).map(std::path::PathBuf::into_os_string);
        let (from, to) = match ends {
            CopyEnds::Into { host, guest } => (here(host)?, there(guest)),
            CopyEnds::OutOf { guest, host } => (there(guest), here(host)?),
        };
        arguments.extend(["--".into(), from, to]);
        Ok(SshCommand { program: "scp", arguments })
    }

    fn way(&self, name: &MachineName, user: Option<&str>) -> Result<Way> {
        let (record, paths) = self.load(name)?;
        let provider = self.provider(record.provider);
        if !provider.is_alive(&paths) {
            return Err(Error::NotRunning { name: name.to_string() });
        }
        keys::load_private(&paths.identity())?;
        let user = user.unwrap_or(record.user());
        check_user(user)?;
        let options = options(name, &paths, provider.address(&record, &paths).ssh_options());
        Ok(Way { options, user: user.to_owned() })
    }
}

/// Refuses what is no name of a user.
fn check_user(user: &str) -> Result<()> {
    let plain = user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if user.is_empty() || user.starts_with('-') || !plain {
        return Err(Error::BadOption { option: "--username", reason: format!("{user:?} is no user name") });
    }
    Ok(())
}

/// The options of `ssh` and `scp` that lead to the machine and to nothing else.
fn options(name: &MachineName, paths: &MachinePaths, address: Vec<OsString>) -> Vec<OsString> {
    // ssh takes options of its files from a value with blanks: quotes keep a path whole.
    let path_option = |option: &str, path: std::path::PathBuf| {
        let mut text = OsString::from(format!("{option}=\""));
        text.push(path);
        text.push("\"");
        text
    };
    // The user's own configuration could redirect the connection.
    let mut arguments: Vec<OsString> = ["-F", "none"].map(OsString::from).into();
    arguments.extend([OsString::from("-i"), paths.identity().into_os_string()]);
    for option in [
        path_option("UserKnownHostsFile", paths.known_hosts()),
        format!("HostKeyAlias={}", host_alias(name)).into(),
        "StrictHostKeyChecking=yes".into(),
        "IdentitiesOnly=yes".into(),
        "PreferredAuthentications=publickey".into(),
        "KexAlgorithms=curve25519-sha256".into(),
        "LogLevel=ERROR".into(),
    ] {
        arguments.extend([OsString::from("-o"), option]);
    }
    arguments.extend(address);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::MachineFolders;
    use crate::provider::{GuestAddress, ProviderKind};

    #[test]
    fn ends_of_a_copy() {
        let into = |name: &str, host: &str, guest: &str| {
            (name.to_owned(), CopyEnds::Into { host: host.into(), guest: guest.into() })
        };
        let out_of = |name: &str, guest: &str, host: &str| {
            (name.to_owned(), CopyEnds::OutOf { guest: guest.into(), host: host.into() })
        };
        for (source, destination, expected) in [
            ("a.txt", "dev:~/a.txt", into("dev", "a.txt", "~/a.txt")),
            ("./odd:name", "dev:/x", into("dev", "./odd:name", "/x")),
            ("/odd:name", "dev:", into("dev", "/odd:name", "")),
            ("dev:/x:y", "out", out_of("dev", "/x:y", "out")),
            ("dev:x", "../out:put", out_of("dev", "x", "../out:put")),
        ] {
            let (name, ends) = CopyEnds::parse(source, destination).unwrap();
            assert_eq!((name.to_string(), ends), expected, "{source} {destination}");
        }
        for (source, destination, message) in [
            ("dev:a", "dev:b", "copying between two machines is unsupported"),
            ("a", "b", "a machine name must prefix either the source path or destination path"),
            ("a$b:x", "y", "not allowed"),
            ("", "dev:x", "must specify paths"),
        ] {
            let error = CopyEnds::parse(source, destination).unwrap_err().to_string();
            assert!(error.contains(message), "{source} {destination}: {error}");
        }
    }

    #[test]
    fn nothing_of_the_users_leads_elsewhere() {
        let folders = MachineFolders { data: "/d d".into(), runtime: "/run/m".into() };
        let name: MachineName = "dev".parse().unwrap();
        let paths = folders.machine(ProviderKind::Qemu, &name);
        let words = options(&name, &paths, GuestAddress::Port(40022).ssh_options());
        let line = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        for part in [
            "-F none",
            "UserKnownHostsFile=\"/d d/qemu/dev/known_hosts\"",
            "HostKeyAlias=cove-dev",
            "StrictHostKeyChecking=yes",
            "-o Port=40022",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        for bad in ["", "-oProxyCommand=x", "a b", "a@b", "a;b"] {
            assert!(check_user(bad).is_err(), "{bad}");
        }
    }
}
