//! What a kubeconfig says of one cluster: where it is, and as whom it is asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::error::{ClusterError, Result};
use crate::kubeconfig::{ClusterEntry, Context, Files, UserEntry};
use crate::tls::{self, Identity};

/// Largest file with a token, in bytes.
const MAX_TOKEN: u64 = 64 << 10;

/// Whose certificates are believed, in place of what the kubeconfig says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// Those of the authorities in this file.
    File(PathBuf),
    /// All.
    Insecure,
}

/// Which cluster of which files.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The kubeconfigs; what is in several is taken of the first.
    pub files: Vec<PathBuf>,
    /// The context, in place of the current one.
    pub context: Option<String>,
    /// Whose certificates are believed.
    pub authority: Option<Authority>,
}

/// A cluster as it is reached.
#[derive(Clone)]
pub struct Access {
    /// The address, for messages.
    pub(crate) server: String,
    /// `HOST:PORT`, as the connection and the header have it.
    pub(crate) authority: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What stands before every path, without a slash at its end.
    pub(crate) base: String,
    /// For `https`, with the name that the certificate must be for.
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) namespace: String,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not what it is asked with.
        formatter.debug_struct("Access").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Access {
    /// Reads the files and all that they name.
    ///
    /// # Errors
    /// A file cannot be read, they do not say which cluster, or they ask for what is not done.
    pub fn read(choice: &Choice) -> Result<Self> {
        let files = Files::read(&choice.files)?;
        let (path, context) = context(&files, choice.context.as_deref())?;
        let wrong =
            |message: String| ClusterError::Config { path: path.to_owned(), message, unsupported: false };
        let (cluster_file, cluster) = files
            .find(|config| Some(&config.clusters.iter().find(|one| one.name == context.cluster)?.cluster))
            .ok_or_else(|| wrong(format!("there is no cluster {:?}", context.cluster)))?;
        let nobody = UserEntry::default();
        let (user_file, user) = match context.user.as_str() {
            "" => (path, &nobody),
            name => files
                .find(|config| Some(&config.users.iter().find(|one| one.name == name)?.user))
                .ok_or_else(|| wrong(format!("there is no user {name:?}")))?,
        };
        Self::of(cluster_file, cluster, user_file, user, context, choice.authority.as_ref())
    }

    fn of(
        cluster_file: &Path,
        cluster: &ClusterEntry,
        user_file: &Path,
        user: &UserEntry,
        context: &Context,
        authority: Option<&Authority>,
    ) -> Result<Self> {
        let place = Place { path: cluster_file, object: format!("cluster {:?}", context.cluster) };
        if !cluster.proxy_url.is_empty() {
            return Err(place.unsupported("proxy-url is not supported"));
        }
        let uri: Uri = cluster
            .server
            .parse()
            .map_err(|_| place.wrong(format!("{:?} is no address of a server", cluster.server)))?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                return Err(
                    place.wrong(format!("server {:?} must begin with https:// or http://", cluster.server))
                );
            }
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() || uri.query().is_some() || cluster.server.contains('@') {
            return Err(place.wrong(format!("{:?} is no address of a server", cluster.server)));
        }
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let of_user = Place { path: user_file, object: format!("user {:?}", context.user) };
        refuse(&of_user, user)?;
        let identity = identity(&of_user, user)?;
        let authorization = authorization(&of_user, user)?;
        let tls = match is_secure {
            true => {
                let roots = roots(&place, cluster, authority)?;
                let name = match cluster.tls_server_name.as_str() {
                    "" => host.clone(),
                    name => name.to_owned(),
                };
                let name = ServerName::try_from(name.clone())
                    .map_err(|_| place.wrong(format!("{name:?} is no name of a server")))?;
                let config = tls::config(roots, identity).map_err(|message| {
                    let path = cluster_file.to_owned();
                    ClusterError::Config { path, message, unsupported: false }
                })?;
                Some((Arc::new(config), name))
            }
            // They would be there for everybody to read.
            false if authorization.is_some() => {
                return Err(of_user.wrong("its token or password is not sent over http: use https".into()));
            }
            false => None,
        };
        Ok(Self {
            server: cluster.server.clone(),
            authority: uri.authority().map(ToString::to_string).unwrap_or_default(),
            host,
            port,
            base: uri.path().trim_end_matches('/').to_owned(),
            tls,
            authorization,
            namespace: context.namespace.clone(),
        })
    }

    /// The namespace of the context; empty where it says none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// The context that is chosen, or the current one, or the only one that there can be.
fn context<'a>(files: &'a Files, chosen: Option<&str>) -> Result<(&'a Path, &'a Context)> {
    let current = || files.find(|config| Some(&config.current_context).filter(|name| !name.is_empty()));
    let all: Vec<&str> =
        files.0.iter().flat_map(|(_, config)| &config.contexts).map(|one| one.name.as_str()).collect();
    let name = match (chosen, current(), all.as_slice()) {
        (Some(name), _, _) => name,
        (None, Some((_, name)), _) => name.as_str(),
        (None, None, [only]) => *only,
        (None, None, _) => {
            return Err(ClusterError::Invalid(format!(
                "the kubeconfig has no current-context: choose one with --context: {}",
                all.join(", ")
            )));
        }
    };
    files.find(|config| Some(&config.contexts.iter().find(|one| one.name == name)?.context)).ok_or_else(
        || {
            ClusterError::Invalid(format!(
                "the kubeconfig has no context {name:?}; there are: {}",
                all.join(", ")
            ))
        },
    )
}

/// What a message is about.
struct Place<'a> {
    path: &'a Path,
    object: String,
}

impl Place<'_> {
    fn wrong(&self, message: String) -> ClusterError {
        let message = format!("{}: {message}", self.object);
        ClusterError::Config { path: self.path.to_owned(), message, unsupported: false }
    }

    fn unsupported(&self, message: &str) -> ClusterError {
        let message = format!("{}: {message}", self.object);
        ClusterError::Config { path: self.path.to_owned(), message, unsupported: true }
    }

    /// A path as the file means it: from the file's own folder.
    fn beside(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    fn decoded(&self, key: &str, text: &str) -> Result<Vec<u8>> {
        let compact: String = text.split_ascii_whitespace().collect();
        STANDARD.decode(compact).map_err(|_| self.wrong(format!("{key} is no base64")))
    }
}

fn refuse(place: &Place<'_>, user: &UserEntry) -> Result<()> {
    let plugin = [("exec", &user.exec), ("auth-provider", &user.auth_provider)];
    for (key, plugin) in plugin {
        if let Some(plugin) = plugin {
            let name = if plugin.command.is_empty() { &plugin.name } else { &plugin.command };
            return Err(place.unsupported(&format!(
                "{key} {name:?} is not run: put a token (`kubectl create token`) or a client certificate in its place"
            )));
        }
    }
    if !user.impersonate.is_empty() || !user.as_uid.is_empty() || !user.as_groups.is_empty() {
        return Err(place.unsupported("to act as another user (`as`) is not supported"));
    }
    Ok(())
}

fn roots(place: &Place<'_>, cluster: &ClusterEntry, authority: Option<&Authority>) -> Result<tls::Roots> {
    match authority {
        Some(Authority::Insecure) => return Ok(tls::Roots::Any),
        Some(Authority::File(path)) => return Ok(tls::Roots::Of(cove_sys::pem::certificates(path)?)),
        None if cluster.insecure_skip_tls_verify => return Ok(tls::Roots::Any),
        None => {}
    }
    if !cluster.certificate_authority_data.is_empty() {
        let text = place.decoded("certificate-authority-data", &cluster.certificate_authority_data)?;
        let found = tls::certificates(&text);
        return found
            .map(tls::Roots::Of)
            .map_err(|error| place.wrong(format!("certificate-authority-data: {error}")));
    }
    if !cluster.certificate_authority.is_empty() {
        let path = place.beside(&cluster.certificate_authority);
        return Ok(tls::Roots::Of(cove_sys::pem::certificates(&path)?));
    }
    Ok(tls::Roots::System)
}

fn identity(place: &Place<'_>, user: &UserEntry) -> Result<Option<Identity>> {
    let wrong = |key: &str, error: String| place.wrong(format!("{key}: {error}"));
    let chain = if !user.client_certificate_data.is_empty() {
        let key = "client-certificate-data";
        let text = place.decoded(key, &user.client_certificate_data)?;
        Some(tls::certificates(&text).map_err(|error| wrong(key, error))?)
    } else if !user.client_certificate.is_empty() {
        Some(cove_sys::pem::certificates(&place.beside(&user.client_certificate))?)
    } else {
        None
    };
    let key = if !user.client_key_data.is_empty() {
        let key = "client-key-data";
        let text = place.decoded(key, &user.client_key_data)?;
        Some(tls::key(&text).map_err(|error| wrong(key, error))?)
    } else if !user.client_key.is_empty() {
        Some(cove_sys::pem::key(&place.beside(&user.client_key))?)
    } else {
        None
    };
    match (chain, key) {
        (None, None) => Ok(None),
        (Some(chain), Some(key)) => Ok(Some((chain, key))),
        (Some(_), None) => Err(place.wrong("there is a client-certificate without a client-key".into())),
        (None, Some(_)) => Err(place.wrong("there is a client-key without a client-certificate".into())),
    }
}

fn authorization(place: &Place<'_>, user: &UserEntry) -> Result<Option<HeaderValue>> {
    let token = match (user.token.as_str(), user.token_file.as_str()) {
        ("", "") => None,
        ("", file) => {
            let path = place.beside(file);
            let text = cove_sys::read::bounded_text(&path, MAX_TOKEN)?
                .ok_or_else(|| place.wrong(format!("{}: no such file or directory", path.display())))?;
            Some(text.trim().to_owned())
        }
        (token, _) => Some(token.to_owned()),
    };
    let text = match token {
        Some(token) => format!("Bearer {token}"),
        None if !user.username.is_empty() => {
            format!("Basic {}", STANDARD.encode(format!("{}:{}", user.username, user.password)))
        }
        None => return Ok(None),
    };
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| place.wrong("its token has characters that none may have".into()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}
