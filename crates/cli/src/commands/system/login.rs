//! `cove login`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use cove_api::SecretInspectOptions;
use cove_config::auth::{self, CredentialStore};
use cove_config::registries::Registries;
use cove_registry::{RegistryClient, RegistryOptions};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult, chain};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::{ask, ask_secret};

/// Log in to a registry and keep the credentials
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The registry, such as quay.io or localhost:5000
    #[arg(value_name = "REGISTRY")]
    registries: Vec<String>,
    /// User name
    #[arg(long, short, value_name = "USER")]
    username: Option<String>,
    /// Password (others may see it in the list of processes: better --password-stdin)
    #[arg(long, short, value_name = "PASSWORD")]
    password: Option<String>,
    /// Take the password from the secret of that name
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Print who is logged in
    #[arg(long)]
    get_login: bool,
    /// Say where the credentials are kept
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    places: PlaceArgs,
    /// Folder with certificates for the registry
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Demand HTTPS and check certificates
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
}

// Where credentials are kept.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct PlaceArgs {
    /// File with registry credentials (REGISTRY_AUTH_FILE)
    #[arg(long, value_name = "FILE")]
    pub(crate) authfile: Option<PathBuf>,
    /// Docker's config.json to use instead
    #[arg(long, value_name = "FILE")]
    pub(crate) compat_auth_file: Option<PathBuf>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [REGISTRY]", Plain);

/// The credentials' places and registries.conf.
pub(crate) fn open(
    context: &Context,
    places: &PlaceArgs,
) -> Result<(CredentialStore, Registries), CommandError> {
    let registries = Registries::load(&context.environment, &context.directories, None)?.value;
    let existing = |path: &Path| -> Result<(), CommandError> {
        match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) if !folder.is_dir() => {
                Err(CommandError::other(format!("{}: no such folder", folder.display())))
            }
            _ => Ok(()),
        }
    };
    let store = match (&places.authfile, &places.compat_auth_file) {
        (Some(_), Some(_)) => {
            return Err(CommandError::other(
                "options for paths to the credential file and to the Docker-compatible credential file can not be set simultaneously",
            ));
        }
        (_, Some(path)) => {
            existing(path)?;
            CredentialStore::docker(&context.environment, path.clone())
        }
        (None, None) if context.global.root.config.is_some() => {
            // Docker's clients write where they are told to read.
            let folder = context.global.root.config.clone().unwrap_or_default();
            CredentialStore::docker(&context.environment, folder.join("config.json"))
        }
        (path, None) => {
            if let Some(path) = path {
                existing(path)?;
            }
            CredentialStore::new(&context.environment, &context.directories, &registries, path.as_deref())
        }
    };
    Ok((store, registries))
}

async fn run(context: &Context, mut args: Args) -> CommandResult {
    at_most(&args.registries, 1)?;
    let on_command_line = args.password.is_some();
    if let Some(name) = args.secret.take() {
        take_secret(context, &mut args, name).await?;
    }
    let (store, registries) = open(context, &args.places)?;
    let key = match args.registries.first() {
        Some(text) => auth::registry_key(text)?,
        None => registries
            .unqualified_search
            .first()
            .cloned()
            .ok_or_else(|| CommandError::other("please provide a registry to log in to"))?,
    };
    let known = store.get(&key)?;
    if args.get_login {
        let found = known.ok_or_else(|| CommandError::other(format!("not logged into {key}")))?;
        context.printer.line(&found.credentials.username)?;
        return Ok(0);
    }
    let registry = key.split('/').next().unwrap_or(&key).to_owned();
    let client = client(context, &args, registries);
    let check = async |username: &str, password: &str| {
        let credentials = auth::Credentials::new(username.to_owned(), password.to_owned(), None);
        client.check_login(&registry, credentials).await
    };
    if args.password_stdin && on_command_line {
        return Err(CommandError::other("can't specify both --password-stdin and --password"));
    }
    if args.password_stdin && args.username.is_none() {
        return Err(CommandError::other("must provide --username with --password-stdin"));
    }
    if let (None, None, Some(found)) = (&args.username, &args.password, &known)
        && !found.credentials.password().is_empty()
    {
        context.printer.line(&format!("Authenticating with existing credentials for {key}"))?;
        if check(&found.credentials.username, found.credentials.password()).await.is_ok() {
            context
                .printer
                .line(&format!("Existing credentials are valid. Already logged in to {registry}"))?;
            return Ok(0);
        }
        context.printer.line("Existing credentials are invalid, please enter valid username and password")?;
    }
    let username = match &args.username {
        Some(name) => name.clone(),
        None => {
            let before = known.as_ref().map(|found| found.credentials.username.clone()).unwrap_or_default();
            let prompt =
                if before.is_empty() { "Username: ".to_owned() } else { format!("Username ({before}): ") };
            let answer = ask(&prompt)?.trim().to_owned();
            if answer.is_empty() { before } else { answer }
        }
    };
    let password = match (&args.password, args.password_stdin) {
        (Some(password), _) => password.clone(),
        (None, true) => crate::terminal::read_secret()?,
        (None, false) => ask_secret("Password: ")?,
    };
    if let Err(error) = check(&username, &password).await {
        let message = match &error {
            cove_registry::Error::Unauthorized { .. } => {
                format!("logging into {key:?}: invalid username/password")
            }
            error => format!("authenticating creds for {key:?}: {}", chain(error)),
        };
        return Err(CommandError::other(message));
    }
    let saved = store.set(&key, &auth::Credentials::new(username, password, None))?;
    if args.verbose {
        let place = match saved {
            auth::Saved::File(path) => path.display().to_string(),
            auth::Saved::Helper(name) => name,
        };
        context.printer.line(&format!("Used:  {place}"))?;
    }
    if context.printer.error_is_terminal() && std::io::stdin().is_terminal() && args.password.is_some() {
        context.printer.error_line(
            "The password on the command line can be seen by other users: --password-stdin is safer.",
        );
    }
    context.printer.line("Login Succeeded!")?;
    Ok(0)
}

/// Puts a secret in the place of the password; without a user name its name is that as well, as with podman.
async fn take_secret(context: &Context, args: &mut Args, name: String) -> Result<(), CommandError> {
    if args.password.is_some() {
        return Err(CommandError::other("--secret can not be used with --password options"));
    }
    let options = SecretInspectOptions { showsecret: true };
    let secret = context.engine().await?.secrets().inspect(&name, options).await?;
    args.password = Some(secret.secret_data.0);
    args.username.get_or_insert(name);
    Ok(())
}

fn client(context: &Context, args: &Args, registries: Registries) -> RegistryClient {
    let mut options = RegistryOptions { registries, tls_verify: args.tls_verify, ..Default::default() };
    options.certificate_dirs = context.directories.certificates();
    options.certificate_dir.clone_from(&args.cert_dir);
    RegistryClient::new(options)
}
