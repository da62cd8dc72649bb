//! Flags that say how the ends of a copy are reached.

use std::time::Duration;

use cove_api::{CopyPolicy, Credentials, RegistryAccess};

use crate::args::registry::{check_auth_file, credentials, whole_seconds};
use crate::command_error::CommandError;

// What is said once for a whole command.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct WholeArgs {
    /// File of the policy that says which images may be read
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
    /// Read images whatever the policy says
    #[arg(long)]
    insecure_policy: bool,
    /// Architecture of the image of a list, in place of this machine's
    #[arg(long, value_name = "ARCH")]
    pub(super) override_arch: Option<String>,
    /// Operating system of the image of a list, in place of this machine's
    #[arg(long, value_name = "OS")]
    pub(super) override_os: Option<String>,
    /// Variant of the architecture of the image of a list
    #[arg(long, value_name = "VARIANT")]
    pub(super) override_variant: Option<String>,
    /// Folder with the places of signatures, in place of the host's
    #[arg(long = "registries.d", value_name = "DIR")]
    pub(super) registries_d: Option<String>,
    /// Give up after that long, such as 30s
    #[arg(long, value_name = "DURATION")]
    command_timeout: Option<String>,
    /// Try again that often when a registry fails
    #[arg(long, value_name = "NUMBER")]
    retry_times: Option<u32>,
    /// Pause between these attempts, such as 5s; else it grows
    #[arg(long, value_name = "DURATION")]
    retry_delay: Option<String>,
}

impl WholeArgs {
    /// Refuses what is none of its values.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        self.timeout().map(drop)
    }

    pub(super) fn policy(&self) -> CopyPolicy {
        match (&self.policy, self.insecure_policy) {
            (_, true) => CopyPolicy::Nothing,
            (Some(file), false) => CopyPolicy::File(file.clone()),
            (None, false) => CopyPolicy::Usual,
        }
    }

    /// How long the whole may take.
    pub(super) fn timeout(&self) -> Result<Option<Duration>, CommandError> {
        let span = self.command_timeout.as_deref().map(span).transpose()?;
        Ok(span.filter(|span| !span.is_zero()))
    }
}

fn span(text: &str) -> Result<Duration, CommandError> {
    cove_api::time::signed_duration(text)
        .ok()
        .and_then(|span| Duration::try_from(span).ok())
        .ok_or_else(|| CommandError::other(format!("time: invalid duration {text:?}")))
}

// The place of a command that has one.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PlaceArgs {
    /// File with registry credentials (REGISTRY_AUTH_FILE)
    #[arg(long, value_name = "FILE")]
    authfile: Option<String>,
    /// Folder with certificates for the registry
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<String>,
    /// Credentials in place of the stored ones
    #[arg(long, value_name = "USER[:PASSWORD]")]
    creds: Option<String>,
    #[arg(long, hide = true, value_name = "HOST")]
    daemon_host: Option<String>,
    /// Use no credentials
    #[arg(long)]
    no_creds: bool,
    /// Password for the registry
    #[arg(long, value_name = "PASSWORD")]
    password: Option<String>,
    /// A token that is sent to the registry as it is
    #[arg(long, value_name = "TOKEN")]
    registry_token: Option<String>,
    /// Folder of the blobs of an oci: layout, in place of its own
    #[arg(long, value_name = "DIR")]
    shared_blob_dir: Option<String>,
    /// Demand HTTPS and check certificates
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// User name for the registry
    #[arg(long, value_name = "USER")]
    username: Option<String>,
}

// Where a copy comes from.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SourceArgs {
    /// File with credentials for the source
    #[arg(long, value_name = "FILE")]
    src_authfile: Option<String>,
    /// Folder with certificates for the source
    #[arg(long, value_name = "DIR")]
    src_cert_dir: Option<String>,
    /// Credentials for the source in place of the stored ones
    #[arg(long, alias = "screds", value_name = "USER[:PASSWORD]")]
    src_creds: Option<String>,
    /// Use no credentials for the source
    #[arg(long)]
    src_no_creds: bool,
    /// Password for the source
    #[arg(long, value_name = "PASSWORD")]
    src_password: Option<String>,
    /// A token that is sent to the source's registry as it is
    #[arg(long, value_name = "TOKEN")]
    src_registry_token: Option<String>,
    /// Demand HTTPS of the source and check its certificate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    src_tls_verify: Option<bool>,
    /// User name for the source
    #[arg(long, value_name = "USER")]
    src_username: Option<String>,
}

// Where a copy goes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct DestinationArgs {
    /// File with credentials for the destination
    #[arg(long, value_name = "FILE")]
    dest_authfile: Option<String>,
    /// Folder with certificates for the destination
    #[arg(long, value_name = "DIR")]
    dest_cert_dir: Option<String>,
    /// Credentials for the destination in place of the stored ones
    #[arg(long, alias = "dcreds", value_name = "USER[:PASSWORD]")]
    dest_creds: Option<String>,
    /// Use no credentials for the destination
    #[arg(long)]
    dest_no_creds: bool,
    /// Password for the destination
    #[arg(long, value_name = "PASSWORD")]
    dest_password: Option<String>,
    /// A token that is sent to the destination's registry as it is
    #[arg(long, value_name = "TOKEN")]
    dest_registry_token: Option<String>,
    /// Demand HTTPS of the destination and check its certificate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dest_tls_verify: Option<bool>,
    /// User name for the destination
    #[arg(long, value_name = "USER")]
    dest_username: Option<String>,
}

// What holds for both ends of a copy.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct BothArgs {
    /// File with registry credentials (REGISTRY_AUTH_FILE)
    #[arg(long, value_name = "FILE")]
    authfile: Option<String>,
    #[arg(long, hide = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
}

// Both ends of a copy.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct EndsArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    destination: DestinationArgs,
    #[command(flatten)]
    both: BothArgs,
    #[command(flatten)]
    pub(super) whole: WholeArgs,
}

impl EndsArgs {
    /// How the source is reached.
    pub(super) fn source(&self) -> Result<Reach, CommandError> {
        self.source.reach(&self.whole, &self.both)
    }

    /// How the destination is reached.
    pub(super) fn destination(&self) -> Result<Reach, CommandError> {
        self.destination.reach(&self.whole, &self.both)
    }
}

/// How a place is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(super) access: RegistryAccess,
    /// Without any credentials.
    pub(super) anonymous: bool,
    /// Where the blobs of a layout are.
    pub(super) shared_blobs: Option<String>,
    /// The folder that says where signatures are, in place of the host's.
    pub(super) signature_places: Option<String>,
}

/// The flags of any place, as typed.
#[derive(Default)]
struct Typed<'a> {
    auth_file: Option<&'a String>,
    cert_dir: Option<&'a String>,
    creds: Option<&'a String>,
    no_creds: bool,
    username: Option<&'a String>,
    password: Option<&'a String>,
    registry_token: Option<&'a String>,
    tls_verify: Option<bool>,
}

impl Typed<'_> {
    fn reach(&self, whole: &WholeArgs) -> Result<Reach, CommandError> {
        let other = |message: &str| Err(CommandError::other(message));
        match (self.creds, self.username, self.password, self.no_creds) {
            (Some(_), _, _, true) => {
                return other("creds and no-creds cannot be specified at the same time");
            }
            (_, Some(_), _, true) => {
                return other("username and no-creds cannot be specified at the same time");
            }
            (Some(_), Some(_), ..) => {
                return other("creds and username cannot be specified at the same time");
            }
            (_, Some(_), None, _) => {
                return other("password must be specified when username is specified");
            }
            (_, None, Some(_), _) => {
                return other("username must be specified when password is specified");
            }
            _ => {}
        }
        check_auth_file(self.auth_file.map(String::as_str))?;
        let mut given = match (self.creds, self.username, self.password) {
            (Some(creds), ..) => Some(credentials(creds)?),
            (None, Some(username), Some(password)) => Some(Credentials {
                username: username.clone(),
                password: password.clone(),
                ..Credentials::default()
            }),
            _ => None,
        };
        if let Some(token) = self.registry_token {
            given.get_or_insert_default().registry_token.clone_from(token);
        }
        let retry_delay = whole.retry_delay.as_deref().map(whole_seconds).transpose()?;
        let access = RegistryAccess {
            credentials: given,
            auth_file: self.auth_file.cloned(),
            cert_dir: self.cert_dir.cloned(),
            tls_verify: self.tls_verify,
            retry: whole.retry_times,
            retry_delay,
            ..RegistryAccess::default()
        };
        let signature_places = whole.registries_d.clone();
        Ok(Reach { access, anonymous: self.no_creds, shared_blobs: None, signature_places })
    }
}

impl PlaceArgs {
    /// How the place is reached.
    pub(super) fn reach(&self, whole: &WholeArgs) -> Result<Reach, CommandError> {
        if self.daemon_host.is_some() {
            return Err(no_daemon("daemon-host"));
        }
        let typed = Typed {
            auth_file: self.authfile.as_ref(),
            cert_dir: self.cert_dir.as_ref(),
            creds: self.creds.as_ref(),
            no_creds: self.no_creds,
            username: self.username.as_ref(),
            password: self.password.as_ref(),
            registry_token: self.registry_token.as_ref(),
            tls_verify: self.tls_verify,
        };
        Ok(Reach { shared_blobs: self.shared_blob_dir.clone(), ..typed.reach(whole)? })
    }
}

impl SourceArgs {
    fn reach(&self, whole: &WholeArgs, both: &BothArgs) -> Result<Reach, CommandError> {
        let typed = Typed {
            auth_file: self.src_authfile.as_ref().or(both.authfile.as_ref()),
            cert_dir: self.src_cert_dir.as_ref(),
            creds: self.src_creds.as_ref(),
            no_creds: self.src_no_creds,
            username: self.src_username.as_ref(),
            password: self.src_password.as_ref(),
            registry_token: self.src_registry_token.as_ref(),
            tls_verify: self.src_tls_verify.or(both.tls_verify),
        };
        typed.reach(whole)
    }
}

impl DestinationArgs {
    fn reach(&self, whole: &WholeArgs, both: &BothArgs) -> Result<Reach, CommandError> {
        let typed = Typed {
            auth_file: self.dest_authfile.as_ref().or(both.authfile.as_ref()),
            cert_dir: self.dest_cert_dir.as_ref(),
            creds: self.dest_creds.as_ref(),
            no_creds: self.dest_no_creds,
            username: self.dest_username.as_ref(),
            password: self.dest_password.as_ref(),
            registry_token: self.dest_registry_token.as_ref(),
            tls_verify: self.dest_tls_verify.or(both.tls_verify),
        };
        typed.reach(whole)
    }
}

/// The refusal of an option about Docker's service.
pub(super) fn no_daemon(option: &str) -> CommandError {
    CommandError::other(format!(
        "--{option} is not supported by this version: the transport docker-daemon is not, use docker save and docker-archive"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    fn reach(line: &str) -> Result<(Reach, Reach), String> {
        let ends: EndsArgs = parsed(line);
        let text = |error: CommandError| error.messages().join("\n");
        Ok((ends.source().map_err(text)?, ends.destination().map_err(text)?))
    }

    #[test]
    fn each_end_has_its_own_way() {
        let (source, destination) = reach(
            "--src-creds a:b:c --dest-username d --dest-password e --src-tls-verify=false --tls-verify --dest-no-creds=false",
        )
        .unwrap();
        let from = source.access.credentials.unwrap();
        assert_eq!((from.username.as_str(), from.password.as_str()), ("a", "b:c"));
        let to = destination.access.credentials.unwrap();
        assert_eq!((to.username.as_str(), to.password.as_str()), ("d", "e"));
        assert_eq!((source.access.tls_verify, destination.access.tls_verify), (Some(false), Some(true)));
        let (source, destination) = reach("--src-no-creds --dest-registry-token t --retry-times 7").unwrap();
        assert!(source.anonymous && !destination.anonymous);
        assert_eq!(destination.access.credentials.unwrap().registry_token, "t");
        assert_eq!(source.access.retry, Some(7));
        // No pause at all is another thing than a short one.
        let (source, destination) = reach("--retry-delay 500ms").unwrap();
        assert_eq!((source.access.retry_delay, destination.access.retry_delay), (Some(1), Some(1)));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (line, named) in [
            ("--src-creds a:b --src-no-creds", "creds and no-creds"),
            ("--src-username a --src-no-creds", "username and no-creds"),
            ("--src-creds a:b --src-username a", "creds and username"),
            ("--dest-username a", "password must be specified"),
            ("--dest-password a", "username must be specified"),
            ("--src-authfile /does/not/exist", "credential file is not accessible"),
            ("--retry-delay soon", "invalid duration"),
        ] {
            let error = reach(line).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
