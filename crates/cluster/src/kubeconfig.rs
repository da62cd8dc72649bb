//! The files that say which clusters there are: kubeconfig, as kubectl reads it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{ClusterError, Result};

/// Largest file, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// One file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Kubeconfig {
    pub(crate) current_context: String,
    pub(crate) contexts: Vec<NamedContext>,
    pub(crate) clusters: Vec<NamedCluster>,
    pub(crate) users: Vec<NamedUser>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamedContext {
    pub(crate) name: String,
    pub(crate) context: Context,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    pub(crate) cluster: String,
    pub(crate) user: String,
    pub(crate) namespace: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamedCluster {
    pub(crate) name: String,
    pub(crate) cluster: ClusterEntry,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct ClusterEntry {
    pub(crate) server: String,
    pub(crate) certificate_authority: String,
    pub(crate) certificate_authority_data: String,
    pub(crate) insecure_skip_tls_verify: bool,
    pub(crate) tls_server_name: String,
    pub(crate) proxy_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamedUser {
    pub(crate) name: String,
    pub(crate) user: UserEntry,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct UserEntry {
    pub(crate) client_certificate: String,
    pub(crate) client_certificate_data: String,
    pub(crate) client_key: String,
    pub(crate) client_key_data: String,
    pub(crate) token: String,
    #[serde(rename = "tokenFile")]
    pub(crate) token_file: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) exec: Option<Plugin>,
    pub(crate) auth_provider: Option<Plugin>,
    #[serde(rename = "as")]
    pub(crate) impersonate: String,
    pub(crate) as_uid: String,
    pub(crate) as_groups: Vec<String>,
}

impl std::fmt::Debug for UserEntry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Nearly all of it is secret.
        formatter.debug_struct("UserEntry").finish_non_exhaustive()
    }
}

/// A program or a part of kubectl that would bring credentials.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Plugin {
    pub(crate) command: String,
    pub(crate) name: String,
}

/// Files together: of what is in several of them the first holds.
#[derive(Debug)]
pub(crate) struct Files(pub(crate) Vec<(PathBuf, Kubeconfig)>);

impl Files {
    /// Reads them. Of several those that are missing are left out, as kubectl does.
    ///
    /// # Errors
    /// None is there, or one cannot be read.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self> {
        let mut files = Vec::new();
        for path in paths {
            let Some(text) = cove_sys::read::bounded_text(path, MAX_FILE)? else { continue };
            files.push((path.clone(), parse(path, &text)?));
        }
        if files.is_empty() {
            let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            let message = format!("{}: no such file or directory", shown.join(", "));
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, message).into());
        }
        Ok(Self(files))
    }

    /// The first entry that `named` finds in a file.
    pub(crate) fn find<'a, T>(
        &'a self,
        named: impl Fn(&'a Kubeconfig) -> Option<&'a T>,
    ) -> Option<(&'a Path, &'a T)> {
        self.0.iter().find_map(|(path, config)| named(config).map(|found| (path.as_path(), found)))
    }
}

fn parse(path: &Path, text: &str) -> Result<Kubeconfig> {
    let wrong = |message: String| ClusterError::Config { path: path.to_owned(), message, unsupported: false };
    let mut documents =
        cove_kube::documents_of::<Kubeconfig>(text).map_err(|error| wrong(error.to_string()))?.into_iter();
    let config = documents.next().map(|(_, config)| config).unwrap_or_default();
    if documents.next().is_some() {
        return Err(wrong("there are several documents in it".into()));
    }
    Ok(config)
}
