//! Docker's credential helpers: programs `docker-credential-NAME` with the verbs get, store, erase and list.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use cove_sys::process::{self, RunOptions};
use serde::{Deserialize, Serialize};

use super::Credentials;
use crate::error::{Error, Result};

/// How long a helper may take: long enough for one that asks a keyring, short enough for a user who waits.
const TIMEOUT: Duration = Duration::from_secs(15);

/// One credential helper.
#[derive(Debug, Clone)]
pub struct Helper {
    program: String,
    path: Option<OsString>,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    #[serde(rename = "ServerURL", default)]
    server: String,
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

impl Helper {
    /// The helper with this name; `path` is the value of PATH in which its program is searched.
    ///
    /// # Errors
    /// The name has characters that do not belong into a program's name.
    pub fn new(name: &str, path: Option<OsString>) -> Result<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
            return Err(Error::Invalid {
                what: "credential helper".to_owned(),
                value: name.to_owned(),
                reason: "only letters, digits, '.', '_' and '-' are allowed".to_owned(),
            });
        }
        Ok(Self { program: format!("docker-credential-{name}"), path })
    }

    /// The program's name.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The credentials for a registry; `None` where the helper has none.
    ///
    /// # Errors
    /// The program is not there, fails, takes more than a quarter of a minute, or its answer is not understood.
    pub fn get(&self, registry: &str) -> Result<Option<Credentials>> {
        let output = self.run("get", registry.as_bytes())?;
        let Some(output) = output else { return Ok(None) };
        let answer: Answer =
            serde_json::from_slice(&output).map_err(|_| self.failed("its answer is no JSON"))?;
        if answer.username.is_empty() && answer.secret.is_empty() {
            return Ok(None);
        }
        Ok(Some(if answer.username == "<token>" {
            Credentials::new(String::new(), String::new(), Some(answer.secret))
        } else {
            Credentials::new(answer.username, answer.secret, None)
        }))
    }

    /// Keeps credentials for a registry.
    ///
    /// # Errors
    /// As [`Helper::get`].
    pub fn store(&self, registry: &str, credentials: &Credentials) -> Result<()> {
        let (username, secret) = match credentials.identity_token() {
            Some(token) => ("<token>".to_owned(), token.to_owned()),
            None => (credentials.username.clone(), credentials.password().to_owned()),
        };
        let request = Answer { server: registry.to_owned(), username, secret };
        let request = serde_json::to_vec(&request).map_err(|_| self.failed("the request is no JSON"))?;
        self.run("store", &request).map(drop)
    }

    /// Forgets a registry's credentials; whether there were any.
    ///
    /// # Errors
    /// As [`Helper::get`].
    pub(crate) fn erase(&self, registry: &str) -> Result<bool> {
        Ok(self.run("erase", registry.as_bytes())?.is_some())
    }

    /// All registries and their user names.
    ///
    /// # Errors
    /// As [`Helper::get`].
    pub fn list(&self) -> Result<BTreeMap<String, String>> {
        let Some(output) = self.run("list", b"unused")? else { return Ok(BTreeMap::new()) };
        serde_json::from_slice(&output).map_err(|_| self.failed("its list is no JSON"))
    }

    /// Standard output; `None` where the helper says that it has no such credentials.
    fn run(&self, verb: &str, stdin: &[u8]) -> Result<Option<Vec<u8>>> {
        let program: PathBuf = process::find_program(&self.program, &[], self.path.as_deref())
            .map_err(|_| self.failed("the program is not in PATH"))?;
        let options = RunOptions { stdin: stdin.to_vec(), timeout: TIMEOUT, output_limit: 1 << 20 };
        let output = process::run(Command::new(program).arg(verb), &options)
            .map_err(|error| self.failed(&error.to_string()))?;
        if output.status.success() {
            return Ok(Some(output.stdout));
        }
        // The helpers' protocol has no other sign than this sentence, on standard output.
        let message = output.message();
        let said = String::from_utf8_lossy(&output.stdout);
        if said.trim() == "credentials not found in native keychain" {
            return Ok(None);
        }
        let said = said.trim();
        Err(self.failed(if said.is_empty() { &message } else { said }))
    }

    fn failed(&self, message: &str) -> Error {
        let message: String =
            message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
        Error::CredentialHelper { program: self.program.clone(), message }
    }
}
