//! Flags that say how a registry is reached.

use cove_api::{Credentials, RegistryAccess};

use crate::command_error::CommandError;

// How to reach a registry.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct RegistryArgs {
    /// File with registry credentials (REGISTRY_AUTH_FILE)
    #[arg(long, value_name = "FILE")]
    authfile: Option<String>,
    /// Folder with certificates for the registry
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<String>,
    /// Credentials in place of the stored ones
    #[arg(long, value_name = "USER[:PASSWORD]")]
    creds: Option<String>,
    /// Demand HTTPS and check certificates
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// Attempts after a failure
    #[arg(long, value_name = "NUMBER")]
    retry: Option<u32>,
    /// Pause between attempts, such as 5s
    #[arg(long, value_name = "DURATION")]
    retry_delay: Option<String>,
}

impl RegistryArgs {
    /// Whether any was given.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_given(&self) -> bool {
        let Self { authfile, cert_dir, creds, tls_verify, retry, retry_delay } = self;
        let texts = [authfile, cert_dir, creds, retry_delay];
        texts.iter().any(|text| text.is_some()) || tls_verify.is_some() || retry.is_some()
    }

    /// The words that say the same to another command of this process.
    pub(crate) fn words(&self) -> Vec<String> {
        let texts = [("authfile", &self.authfile), ("cert-dir", &self.cert_dir), ("creds", &self.creds)];
        let mut words: Vec<String> = texts
            .into_iter()
            .filter_map(|(name, value)| Some(format!("--{name}={}", value.as_ref()?)))
            .collect();
        words.extend(self.tls_verify.map(|verify| format!("--tls-verify={verify}")));
        words
    }

    /// As the engine takes it.
    pub(crate) fn access(&self) -> Result<RegistryAccess, CommandError> {
        check_auth_file(self.authfile.as_deref())?;
        let credentials = self.creds.as_deref().map(credentials).transpose()?;
        let retry_delay = match &self.retry_delay {
            None => None,
            Some(text) => Some(whole_seconds(text)?),
        };
        Ok(RegistryAccess {
            credentials,
            auth_file: self.authfile.clone(),
            cert_dir: self.cert_dir.clone(),
            tls_verify: self.tls_verify,
            retry: self.retry,
            retry_delay,
            ..RegistryAccess::default()
        })
    }
}

/// A file of credentials that is named must be there.
pub(crate) fn check_auth_file(file: Option<&str>) -> Result<(), CommandError> {
    let Some(file) = file.filter(|file| !file.is_empty()) else { return Ok(()) };
    match cove_sys::fs::metadata(file) {
        Ok(_) => Ok(()),
        Err(_) => Err(CommandError::other(format!(
            "credential file is not accessible: stat {file}: no such file or directory"
        ))),
    }
}

pub(crate) fn credentials(text: &str) -> Result<Credentials, CommandError> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, password.to_owned()),
        None => (text, crate::terminal::ask_secret("Password: ")?),
    };
    if user.is_empty() {
        return Err(CommandError::other("credentials can't be empty"));
    }
    Ok(Credentials { username: user.to_owned(), password, ..Credentials::default() })
}

/// A span in Go's spelling, or seconds.
pub(crate) fn whole_seconds(text: &str) -> Result<u64, CommandError> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    cove_api::time::signed_duration(text)
        .ok()
        .and_then(|span| std::time::Duration::try_from(span).ok())
        // Less than a second is not nothing.
        .map(|span| span.as_secs() + u64::from(span.subsec_nanos() > 0))
        .ok_or_else(|| CommandError::other(format!("time: invalid duration {text:?}")))
}
