//! Flags that say how what is pushed is signed and encrypted, and which policy decides about what is pulled.

use std::path::{Path, PathBuf};

use cove_api::{KeyFile, SigningKeys};
use serde::Deserialize;

use crate::command_error::CommandError;
use crate::terminal::ask_secret;

/// Largest file that is read, in bytes.
const MOST: u64 = 4 << 20;

// With what to sign.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SigningArgs {
    /// Sign with this key of gpg: a fingerprint, an id or a part of its owner's name
    #[arg(long, value_name = "KEY")]
    sign_by: Option<String>,
    /// Sign as this file of parameters for sigstore says (privateKeyFile, privateKeyPassphraseFile)
    #[arg(long, value_name = "FILE")]
    sign_by_sigstore: Option<PathBuf>,
    /// Sign with the private key for sigstore in this file
    #[arg(long, value_name = "FILE")]
    sign_by_sigstore_private_key: Option<PathBuf>,
    /// Sign with a key of Sequoia, which this version cannot: it is refused
    #[arg(long, value_name = "FINGERPRINT")]
    sign_by_sq_fingerprint: Option<String>,
    /// Take the passphrase of the key from the first line of this file
    #[arg(long, value_name = "FILE")]
    sign_passphrase_file: Option<PathBuf>,
}

/// A file of parameters, as containers-sigstore-signing-params.yaml(5) describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parameters {
    private_key_file: Option<PathBuf>,
    private_key_passphrase_file: Option<PathBuf>,
    fulcio: Option<serde_json::Value>,
    #[serde(rename = "rekorURL")]
    rekor_url: Option<String>,
}

impl SigningArgs {
    /// Refuses every key, for what cannot be signed.
    ///
    /// # Errors
    /// One is given.
    pub(crate) fn refuse(&self, what: &str) -> Result<(), CommandError> {
        let given = [
            ("sign-by", self.sign_by.is_some()),
            ("sign-by-sigstore", self.sign_by_sigstore.is_some()),
            ("sign-by-sigstore-private-key", self.sign_by_sigstore_private_key.is_some()),
            ("sign-by-sq-fingerprint", self.sign_by_sq_fingerprint.is_some()),
            ("sign-passphrase-file", self.sign_passphrase_file.is_some()),
        ];
        match given.iter().find(|(_, is)| *is) {
            Some((name, _)) => Err(CommandError::other(format!(
                "--{name}: {what} cannot be signed by this version: push without it"
            ))),
            None => Ok(()),
        }
    }

    /// The keys. Reads files, and asks for the passphrase of a key in a file where none is given.
    ///
    /// # Errors
    /// A file cannot be read, options exclude each other, or something is not done.
    pub(crate) fn keys(&self) -> Result<SigningKeys, CommandError> {
        if self.sign_by_sq_fingerprint.is_some() {
            return Err(CommandError::other(
                "--sign-by-sq-fingerprint is not supported by this version: sign with --sign-by",
            ));
        }
        let mut file = self.sign_by_sigstore_private_key.clone();
        let mut passphrase_file = self.sign_passphrase_file.clone();
        if file.is_some() && self.sign_by.is_some() && passphrase_file.is_some() {
            return Err(CommandError::other(
                "only one of --sign-by and sign-by-sigstore-private-key can be used with --sign-passphrase-file",
            ));
        }
        let asks = file.is_some() && passphrase_file.is_none();
        if let Some(path) = &self.sign_by_sigstore {
            if file.is_some() {
                return Err(CommandError::other(
                    "--sign-by-sigstore and --sign-by-sigstore-private-key cannot be used together",
                ));
            }
            let parameters = parameters(path)?;
            file = parameters.private_key_file;
            if let Some(own) = parameters.private_key_passphrase_file
                && passphrase_file.replace(own).is_some()
            {
                return Err(CommandError::other(
                    "--sign-passphrase-file: the file of --sign-by-sigstore names another one",
                ));
            }
        }
        let sigstore = file.as_deref().map(|path| read(path).map(KeyFile)).transpose()?;
        let passphrase = match (&passphrase_file, &file) {
            (Some(path), _) => Some(self::passphrase(path)?),
            // A file that is not there is told before.
            (None, Some(path)) if asks => {
                Some(ask_secret(&format!("Passphrase for the key {}: ", path.display()))?)
            }
            _ => None,
        };
        Ok(SigningKeys { gpg: self.sign_by.clone(), sigstore, passphrase })
    }
}

fn parameters(path: &Path) -> Result<Parameters, CommandError> {
    let wrong =
        |reason: &str| CommandError::other(format!("--sign-by-sigstore {}: {reason}", path.display()));
    let text = String::from_utf8(read(path)?).map_err(|_| wrong("it is no text"))?;
    let parameters: Parameters = serde_saphyr::from_str(&text)
        .map_err(|error| wrong(error.to_string().lines().next().unwrap_or("it is no YAML")))?;
    if parameters.fulcio.is_some() || parameters.rekor_url.is_some() {
        return Err(wrong(
            "fulcio and rekorURL are not supported by this version: sign with privateKeyFile alone",
        ));
    }
    if parameters.private_key_file.is_none() {
        return Err(wrong("it names no privateKeyFile"));
    }
    Ok(parameters)
}

/// The first line of a file.
///
/// # Errors
/// It cannot be read, or is no text.
pub(crate) fn passphrase(path: &Path) -> Result<String, CommandError> {
    let text = String::from_utf8(read(path)?)
        .map_err(|_| CommandError::other(format!("{}: it is no text", path.display())))?;
    Ok(text.split('\n').next().unwrap_or_default().trim_end_matches('\r').to_owned())
}

/// A file with a key, a signature or what is signed.
///
/// # Errors
/// It cannot be read, or is too large.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    match cove_sys::read::bounded(path, MOST) {
        Ok(Some(data)) => Ok(data),
        Ok(None) => Err(CommandError::other(format!("open {}: no such file or directory", path.display()))),
        Err(error) => Err(CommandError::other(error.to_string())),
    }
}

// For whom to encrypt.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct EncryptionArgs {
    /// Encrypt layers for who has the private key of this public one: jwe:FILE (curves P-256, P-384 and P-521)
    #[arg(long, value_name = "KEY")]
    encryption_key: Vec<String>,
    /// Encrypt only the layer with this number, from 0 on or from the end with -1 on
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', allow_negative_numbers = true)]
    encrypt_layer: Vec<i64>,
}

impl EncryptionArgs {
    /// The keys and the layers.
    ///
    /// # Errors
    /// There are layers without a key, a key's sort is not done, or a file cannot be read.
    pub(crate) fn keys(&self) -> Result<(Vec<KeyFile>, Vec<i64>), CommandError> {
        if self.encryption_key.is_empty() && !self.encrypt_layer.is_empty() {
            return Err(CommandError::other("--encrypt-layer can be used only with --encryption-key"));
        }
        let keys = self.encryption_key.iter().map(|text| match text.split_once(':') {
            Some(("jwe", path)) => read(Path::new(path)).map(KeyFile),
            Some((sort @ ("pgp" | "pkcs7" | "pkcs11" | "provider"), _)) => Err(CommandError::other(format!(
                "--encryption-key {sort}: keys of this sort are not supported by this version: use jwe:FILE"
            ))),
            _ => Err(CommandError::other(format!(
                "--encryption-key {text:?}: it must begin with the sort of the key, such as jwe:FILE"
            ))),
        });
        Ok((keys.collect::<Result<_, _>>()?, self.encrypt_layer.clone()))
    }

    /// Refuses every key, for what cannot be encrypted.
    ///
    /// # Errors
    /// One is given.
    pub(crate) fn refuse(&self, what: &str) -> Result<(), CommandError> {
        if self.encryption_key.is_empty() && self.encrypt_layer.is_empty() {
            return Ok(());
        }
        Err(CommandError::other(format!(
            "--encryption-key: {what} cannot be encrypted by this version: push without it"
        )))
    }
}

// With what to open encrypted layers.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct DecryptionArgs {
    /// File with a private key that opens encrypted layers (curves P-256, P-384 and P-521)
    #[arg(long, value_name = "FILE")]
    decryption_key: Vec<String>,
}

impl DecryptionArgs {
    /// Whether there is one.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_given(&self) -> bool {
        !self.decryption_key.is_empty()
    }

    /// The keys.
    ///
    /// # Errors
    /// A file cannot be read, or a passphrase is given.
    pub(crate) fn keys(&self) -> Result<Vec<KeyFile>, CommandError> {
        self.decryption_key.iter().map(|text| decryption_key(text)).collect()
    }

    /// Refuses every key, for what is never encrypted.
    ///
    /// # Errors
    /// One is given.
    pub(crate) fn refuse(&self, what: &str) -> Result<(), CommandError> {
        match self.decryption_key.is_empty() {
            true => Ok(()),
            false => Err(CommandError::other(format!(
                "--decryption-key: {what} cannot be decrypted by this version"
            ))),
        }
    }
}

fn decryption_key(text: &str) -> Result<KeyFile, CommandError> {
    let path = text.strip_prefix("jwe:").unwrap_or(text);
    match (read(Path::new(path)), path.rsplit_once(':')) {
        (Ok(data), _) => Ok(KeyFile(data)),
        (Err(_), Some((file, _))) if Path::new(file).is_file() => Err(CommandError::other(format!(
            "--decryption-key {file}: keys with a passphrase are not supported by this version"
        ))),
        (Err(error), _) => {
            Err(CommandError::other(format!("--decryption-key: {}", error.messages().join("\n"))))
        }
    }
}

// Which policy decides.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PolicyArgs {
    /// The policy.json that decides which images may be used, in place of the host's
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) signature_policy: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn keys_of_encryption_say_their_sort() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        cove_sys::fs::write(&file, "KEY").unwrap();
        let file = file.display().to_string();
        let keys = |line: &str| parsed::<EncryptionArgs>(line).keys();
        let line = format!("--encryption-key jwe:{file} --encrypt-layer=-1 --encrypt-layer 0,1");
        assert_eq!(keys(&line).unwrap(), (vec![KeyFile(b"KEY".to_vec())], vec![-1, 0, 1]));
        for (line, named) in [
            ("--encrypt-layer 0".to_owned(), "only with --encryption-key"),
            (format!("--encryption-key {file}"), "must begin with the sort"),
            (format!("--encryption-key pkcs7:{file}"), "pkcs7"),
            ("--encryption-key jwe:/none".to_owned(), "/none"),
        ] {
            let error = format!("{:?}", keys(&line).unwrap_err());
            assert!(error.contains(named), "{line}: {error}");
        }
        let keys = |line: &str| parsed::<DecryptionArgs>(line).keys();
        assert_eq!(keys(&format!("--decryption-key {file}")).unwrap(), [KeyFile(b"KEY".to_vec())]);
        let error = format!("{:?}", keys(&format!("--decryption-key {file}:word")).unwrap_err());
        assert!(error.contains("with a passphrase") && !error.contains("word\""), "{error}");
    }

    #[test]
    fn keys_and_passphrases_come_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            cove_sys::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (key, words) = (file("key", "KEY"), file("words", "open sesame\nmore\n"));
        let keys = |line: &str| parsed::<SigningArgs>(line).keys();
        let expected = SigningKeys {
            gpg: None,
            sigstore: Some(KeyFile(b"KEY".to_vec())),
            passphrase: Some("open sesame".into()),
        };
        let by_file = format!("--sign-by-sigstore-private-key {key} --sign-passphrase-file {words}");
        assert_eq!(keys(&by_file).unwrap(), expected);
        let parameters =
            file("parameters", &format!("privateKeyFile: {key}\nprivateKeyPassphraseFile: {words}\n"));
        assert_eq!(keys(&format!("--sign-by-sigstore {parameters}")).unwrap(), expected);
        assert_eq!(keys("--sign-by ann").unwrap().gpg.as_deref(), Some("ann"));
        assert!(keys("").unwrap().is_empty());
        let rekor = file("rekor", &format!("privateKeyFile: {key}\nrekorURL: https://r.io\n"));
        for (line, named) in [
            (format!("{by_file} --sign-by ann"), "only one of --sign-by"),
            (format!("--sign-by-sigstore {rekor}"), "rekorURL"),
            (format!("--sign-by-sigstore {words}"), "--sign-by-sigstore"),
            (format!("--sign-by-sigstore-private-key /none --sign-passphrase-file {words}"), "/none"),
            ("--sign-by-sq-fingerprint ab".into(), "--sign-by-sq-fingerprint"),
        ] {
            let error = format!("{:?}", keys(&line).unwrap_err());
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
