//! `machine ssh`: the system's ssh program with the machine's keys.

use std::ffi::OsString;

use super::machines::Machines;
use crate::error::{Error, Result};
use crate::keys;
use crate::name::MachineName;
use crate::ssh::REMOTE_USER;

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
        let (record, paths) = self.load(name)?;
        let provider = self.provider(record.provider);
        if !provider.is_alive(&paths) {
            return Err(Error::NotRunning { name: name.to_string() });
        }
        keys::load_private(&paths.identity())?;
        let user = user.unwrap_or(REMOTE_USER);
        let plain = user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if user.is_empty() || user.starts_with('-') || !plain {
            return Err(Error::BadOption {
                option: "--username",
                reason: format!("{user:?} is no user name"),
            });
        }
        // ssh takes options of its files from a value with blanks: quotes keep a path whole.
        let path_option = |option: &str, path: std::path::PathBuf| {
            let mut text = OsString::from(format!("{option}=\""));
            text.push(path);
            text.push("\"");
            text
        };
        let mut arguments: Vec<OsString> = Vec::new();
        // The user's own configuration could redirect the connection.
        arguments.extend(["-F", "none"].map(OsString::from));
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
        arguments.extend(provider.address(&record, &paths).ssh_options());
        arguments.extend(["-l".into(), OsString::from(user)]);
        if command.is_empty() {
            arguments.push("-t".into());
        }
        arguments.push("127.0.0.1".into());
        if !command.is_empty() {
            arguments.push("--".into());
            arguments.extend(command.iter().cloned());
        }
        Ok(SshCommand { program: "ssh", arguments })
    }
}
