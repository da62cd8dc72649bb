//! OpenPGP by the installed programs: gpgv verifies with the keys of one file and knows no others, gpg signs with the
//! user's keys.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cove_sys::process::{self, Output, RunOptions, find_program};

use super::openpgp;

/// Where the programs are. Not `PATH`: what decides about trust is the host's.
const FOLDERS: [&str; 5] =
    ["/usr/bin", "/usr/local/bin", "/bin", "/opt/homebrew/bin", "/run/current-system/sw/bin"];
/// Most bytes that a signature may sign.
const MAX_CONTENT: usize = 1 << 20;
/// How long a user may take to type a passphrase.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a signature signs, and by which key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// The bytes that were signed.
    pub(super) content: Vec<u8>,
    /// The primary key's fingerprint, in capitals.
    pub(super) fingerprint: String,
}

/// Verifies a signed message with the keys of these files, and no others. Blocks.
///
/// # Errors
/// It is not signed by one of them, or that cannot be found out; a text.
pub(super) fn verify(keys: &[Vec<u8>], message: &[u8]) -> Result<Opened, String> {
    let folders = FOLDERS.map(PathBuf::from);
    verify_by("gpgv", &folders, keys, message)
}

fn verify_by(name: &str, folders: &[PathBuf], keys: &[Vec<u8>], message: &[u8]) -> Result<Opened, String> {
    let program = find(name, folders)?;
    let mut packets = Vec::new();
    for key in keys {
        packets.extend(openpgp::packets(key)?);
    }
    let keyring = Keyring::new(&packets).map_err(|error| format!("a file for keys: {error}"))?;
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("GNUPGHOME", "/nonexistent");
    command.args(["--status-fd", "2", "--output", "-", "--keyring"]).arg(keyring.path()).arg("-");
    open(&mut command, message)
}

/// Verifies a signed message with the keys of the user who runs this. Blocks.
///
/// # Errors
/// The signature is not good, or that cannot be found out; a text.
pub(super) fn verify_with_own_keys(message: &[u8]) -> Result<Opened, String> {
    let mut command = Command::new(find("gpg", &FOLDERS.map(PathBuf::from))?);
    command.env("LC_ALL", "C");
    command.args(["--batch", "--no-tty", "--no-verbose", "--no-auto-key-retrieve"]);
    command.args(["--status-fd", "2", "--output", "-", "--verify", "-"]);
    open(&mut command, message)
}

fn find(name: &str, folders: &[PathBuf]) -> Result<PathBuf, String> {
    find_program(name, folders, None).map_err(|_| {
        format!(
            "{name} is not installed, and signatures cannot be checked without it: install gnupg and {name}"
        )
    })
}

fn open(command: &mut Command, message: &[u8]) -> Result<Opened, String> {
    let options = RunOptions { stdin: message.to_vec(), output_limit: MAX_CONTENT, ..RunOptions::default() };
    let output = process::run(command, &options).map_err(|error| error.to_string())?;
    let fingerprint = judge(&String::from_utf8_lossy(&output.stderr))?;
    if !output.status.success() {
        return Err(format!("Invalid GPG signature: {}", output.status));
    }
    Ok(Opened { content: output.stdout, fingerprint })
}

/// Reads the status lines of gpgv and gpg; answers the primary key's fingerprint.
fn judge(lines: &str) -> Result<String, String> {
    let (mut messages, mut good, mut fingerprints) = (0, 0, Vec::new());
    for line in lines.lines().filter_map(|line| line.strip_prefix("[GNUPG:] ")) {
        let mut words = line.split(' ');
        let word = words.next().unwrap_or_default();
        let about = words.clone().next().unwrap_or_default();
        let problem = match word {
            "PLAINTEXT" => {
                messages += 1;
                continue;
            }
            "GOODSIG" => {
                good += 1;
                continue;
            }
            "VALIDSIG" => {
                let words: Vec<&str> = words.collect();
                let primary = words.get(9).or(words.first()).copied().unwrap_or_default();
                fingerprints.push(primary.to_ascii_uppercase());
                continue;
            }
            "BADSIG" => "it does not fit what it signs".to_owned(),
            "NO_PUBKEY" => format!("it is by the key {about}, which is not among the trusted ones"),
            // What is wrong stands in a line of its own where it is the key that is missing.
            "ERRSIG" if lines.contains("[GNUPG:] NO_PUBKEY") => continue,
            "ERRSIG" => "it cannot be checked".to_owned(),
            "EXPSIG" => "it has expired".to_owned(),
            "EXPKEYSIG" => "it is by a key that has expired".to_owned(),
            "REVKEYSIG" => "it is by a key that was revoked".to_owned(),
            "NODATA" | "UNEXPECTED" | "BADARMOR" => "it is no signed message".to_owned(),
            _ => continue,
        };
        return Err(format!("Invalid GPG signature: {problem}"));
    }
    match (&fingerprints[..], good, messages) {
        ([fingerprint], 1, 1) => Ok(fingerprint.clone()),
        _ => Err("Invalid GPG signature: it is not one message with one signature".to_owned()),
    }
}

/// Whose keys a file holds: the addresses, or names where there are none. Nothing is checked.
///
/// # Errors
/// It holds no OpenPGP key; a text.
pub fn key_owners(file: &[u8]) -> Result<Vec<String>, String> {
    let packets = openpgp::packets(file)?;
    let mut seen = BTreeSet::new();
    Ok(openpgp::user_ids(&packets).into_iter().filter(|id| seen.insert(id.clone())).collect())
}

/// A file with keys that is gone with this value, however the process ends.
struct Keyring {
    #[cfg(target_os = "linux")]
    file: std::fs::File,
    #[cfg(not(target_os = "linux"))]
    file: tempfile::NamedTempFile,
}

impl Keyring {
    fn new(packets: &[u8]) -> std::io::Result<Self> {
        #[cfg(target_os = "linux")]
        let mut file = tempfile::tempfile()?;
        #[cfg(not(target_os = "linux"))]
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(packets)?;
        file.flush()?;
        Ok(Self { file })
    }

    fn path(&self) -> PathBuf {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            // The file has no name; gpgv, which is this user's too, reaches it through this process.
            format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()).into()
        }
        #[cfg(not(target_os = "linux"))]
        {
            self.file.path().to_owned()
        }
    }
}

/// Signs with a key of the user's gpg.
#[derive(Clone)]
pub struct GpgSigner {
    program: PathBuf,
    key: String,
    passphrase: Option<String>,
}

impl std::fmt::Debug for GpgSigner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GpgSigner").field("key", &self.key).finish_non_exhaustive()
    }
}

impl GpgSigner {
    /// With the key that `key` names: a fingerprint, an id, or a part of its owner's name. Without a passphrase gpg's
    /// agent asks for it where it must.
    ///
    /// # Errors
    /// gpg is not installed, there is no such key, or the passphrase has more than one line; a text.
    pub fn new(key: &str, passphrase: Option<String>) -> Result<Self, String> {
        let program = find_program("gpg", &FOLDERS.map(PathBuf::from), None)
            .map_err(|_| "gpg is not installed, and nothing can be signed without it: install gnupg")?;
        if key.is_empty() {
            return Err("no key to sign with is named".to_owned());
        }
        if passphrase.as_ref().is_some_and(|text| text.contains('\n')) {
            return Err("invalid passphrase: it has more than one line".to_owned());
        }
        let mut command = gpg(&program);
        command.args(["--with-colons", "--list-secret-keys", "--"]).arg(OsStr::new(key));
        let listed = process::run(&mut command, &RunOptions::default()).map_err(|error| error.to_string())?;
        if !listed.status.success() {
            return Err(format!("signing with {key:?}: {}", said(&listed)));
        }
        Ok(Self { program, key: key.to_owned(), passphrase })
    }

    /// A signed message of these bytes. Blocks.
    pub(super) fn sign(&self, content: &[u8]) -> Result<Vec<u8>, String> {
        let mut command = gpg(&self.program);
        command.args(["--local-user", &self.key]);
        let mut input = Vec::new();
        if let Some(passphrase) = &self.passphrase {
            command.args(["--pinentry-mode", "loopback", "--passphrase-fd", "0"]);
            input.extend_from_slice(passphrase.as_bytes());
            input.push(b'\n');
        }
        command.args(["--output", "-", "--sign", "-"]);
        input.extend_from_slice(content);
        let options = RunOptions { stdin: input, timeout: PATIENCE, output_limit: MAX_CONTENT };
        let output = process::run(&mut command, &options).map_err(|error| error.to_string())?;
        if !output.status.success() || output.stdout.is_empty() {
            return Err(format!("signing with {:?}: {}", self.key, said(&output)));
        }
        Ok(output.stdout)
    }
}

fn gpg(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C").args(["--batch", "--no-tty", "--no-verbose", "--quiet"]);
    command
}

/// The last thing that gpg said.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it failed");
    last.trim_start_matches("gpg: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[GNUPG:] PLAINTEXT 62 1 \n[GNUPG:] PLAINTEXT_LENGTH 8\n[GNUPG:] NEWSIG\n\
        gpgv: words\n[GNUPG:] GOODSIG AB a\n[GNUPG:] VALIDSIG sub 2026-01-01 1 0 4 0 1 10 00 be92\n";

    #[test]
    fn one_good_signature_of_one_message() {
        assert_eq!(judge(GOOD), Ok("BE92".to_owned()));
        assert_eq!(
            judge("[GNUPG:] PLAINTEXT 1\n[GNUPG:] GOODSIG A a\n[GNUPG:] VALIDSIG ab"),
            Ok("AB".into())
        );
        for (more, expected) in [
            ("[GNUPG:] BADSIG AB a\n", "does not fit"),
            ("[GNUPG:] EXPKEYSIG AB a\n", "key that has expired"),
            ("[GNUPG:] REVKEYSIG AB a\n", "revoked"),
            ("[GNUPG:] EXPSIG AB a\n", "it has expired"),
            ("[GNUPG:] ERRSIG AB 1\n[GNUPG:] NO_PUBKEY AB\n", "the key AB, which is not among"),
            ("[GNUPG:] ERRSIG AB 1\n", "cannot be checked"),
            ("[GNUPG:] PLAINTEXT 62 1 \n", "not one message"),
            ("[GNUPG:] GOODSIG CD b\n", "not one message"),
            ("[GNUPG:] VALIDSIG cd\n", "not one message"),
            ("[GNUPG:] NODATA 1\n", "no signed message"),
        ] {
            let error = judge(&format!("{GOOD}{more}")).unwrap_err();
            assert!(error.contains(expected), "{more}: {error}");
        }
        for lines in ["", "gpgv: [GNUPG:] GOODSIG AB a\n", "[GNUPG:] GOODSIG AB a\n"] {
            assert!(judge(lines).is_err(), "{lines}");
        }
    }

    #[test]
    fn without_gpgv_nothing_is_good() {
        let error = verify_by("gpgv", &["/nonexistent".into()], &[], b"x").unwrap_err();
        assert!(error.contains("gpgv is not installed"), "{error}");
    }
}
