//! The parameters of Docker's routes, as its documents have them.

#![allow(dead_code, reason = "what is not done is typed for the decoder, and read by nobody after it")]

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use cove_api::signal::Signal;
use cove_api::wire::{NotDone, query};
use cove_api::{AttachOptions, Error, Filters, RemoveOptions, StopOptions, TerminalSize};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use cove_docker::forever;

/// The query of a request, read as [`cove_api::wire::query`] says.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(query::decode(query).map_err(Error::from)?))
    }
}

/// `filters` alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filtered {
    #[serde(deserialize_with = "query::filters")]
    pub(super) filters: Filters,
}

/// `POST /containers/create`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Create {
    pub(super) name: String,
    pub(super) platform: String,
}

/// `GET /containers/json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct List {
    pub(super) all: bool,
    /// Negative and 0: all.
    pub(super) limit: i64,
    pub(super) size: bool,
    #[serde(deserialize_with = "query::filters")]
    pub(super) filters: Filters,
}

/// `GET /containers/{name}/json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Inspect {
    pub(super) size: bool,
}

/// `POST /containers/{name}/start`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Start {
    checkpoint: NotDone<String>,
    #[serde(rename = "checkpoint-dir")]
    checkpoint_dir: NotDone<String>,
}

/// `POST /containers/{name}/stop` and `/restart`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stop {
    /// Seconds; negative: for ever.
    t: Option<i64>,
    signal: NotDone<String>,
}

impl Stop {
    pub(super) fn options(&self) -> StopOptions {
        StopOptions { timeout: self.t.map(forever), ..StopOptions::default() }
    }
}

/// `POST /containers/{name}/kill`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Kill {
    pub(super) signal: Option<Signal>,
}

/// `POST /containers/{name}/rename`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rename {
    pub(super) name: String,
}

/// `DELETE /containers/{name}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Remove {
    v: bool,
    force: bool,
    link: NotDone<bool>,
}

impl Remove {
    pub(super) fn options(&self) -> RemoveOptions {
        RemoveOptions { force: self.force, volumes: self.v, timeout: Some(0), ..RemoveOptions::default() }
    }
}

/// `POST /containers/{name}/wait`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wait {
    pub(super) condition: Condition,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Condition {
    #[default]
    NotRunning,
    NextExit,
    Removed,
}

/// `GET /containers/{name}/logs`, besides the [`cove_api::LogOptions`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Logs {
    pub(super) timestamps: bool,
    details: NotDone<bool>,
}

/// `POST /containers/{name}/attach`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attach {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    logs: bool,
    stream: Option<bool>,
    #[serde(rename = "detachKeys")]
    detach_keys: Option<String>,
}

impl Attach {
    /// Whether it goes on with what comes after the log.
    pub(super) fn streams(&self) -> bool {
        self.stream != Some(false)
    }

    pub(super) fn options(self) -> AttachOptions {
        AttachOptions {
            stdin: self.stdin,
            stdout: self.stdout,
            stderr: self.stderr,
            logs: self.logs,
            detach_keys: Some(self.detach_keys.unwrap_or_else(|| "ctrl-p,ctrl-q".to_owned())),
            running: false,
        }
    }
}

/// The two resizes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resize {
    h: u16,
    w: u16,
}

impl Resize {
    pub(super) fn size(&self) -> TerminalSize {
        TerminalSize { width: self.w, height: self.h }
    }
}

/// `GET /containers/{name}/top`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Top {
    ps_args: String,
}

impl Top {
    /// The columns. Docker hands these words to ps(1), by default `-ef`; of its forms there are the two that people know
    /// (`aux` without the share of the memory) and columns by their names. The engine refuses others by name.
    pub(super) fn descriptors(&self) -> Vec<String> {
        let columns = match self.ps_args.trim() {
            "" | "-ef" => "user,pid,ppid,pcpu,stime,tty,time,args",
            "aux" | "-aux" => "user,pid,pcpu,vsz,rss,tty,state,stime,time,args",
            other => ["-eo", "-axo", "axo", "-o"]
                .iter()
                .find_map(|form| other.strip_prefix(form))
                .unwrap_or(other)
                .trim_start(),
        };
        columns.split([',', ' ']).map(str::to_owned).collect()
    }
}

/// `GET /images/json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Images {
    pub(super) all: bool,
    #[serde(deserialize_with = "query::filters")]
    pub(super) filters: Filters,
    /// Digests are always shown.
    digests: bool,
    #[serde(rename = "shared-size")]
    shared_size: NotDone<bool>,
    manifests: NotDone<bool>,
}

/// `POST /images/create`: a pull or an import.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CreateImage {
    #[serde(rename = "fromImage")]
    pub(super) from_image: String,
    #[serde(rename = "fromSrc")]
    pub(super) from_src: String,
    pub(super) repo: String,
    pub(super) tag: String,
    pub(super) message: String,
    pub(super) changes: Vec<String>,
    pub(super) platform: String,
}

/// `POST /images/{name}/push`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PushImage {
    /// Without it Podman's service takes `latest`, too.
    pub(super) tag: String,
}

/// `GET /images/search`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SearchImages {
    pub(super) term: String,
    pub(super) limit: u32,
    #[serde(deserialize_with = "query::filters")]
    pub(super) filters: Filters,
}

/// `GET /images/get`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SaveImages {
    #[serde(deserialize_with = "query::commas")]
    pub(super) names: Vec<String>,
}

/// `DELETE /images/{name}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RemoveImage {
    pub(super) force: bool,
    pub(super) noprune: bool,
    platforms: NotDone<Vec<String>>,
}

/// `DELETE /volumes/{name}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RemoveVolume {
    pub(super) force: bool,
}

/// `POST /commit`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Commit {
    pub(super) container: String,
    pub(super) repo: String,
    pub(super) tag: String,
    pub(super) comment: String,
    pub(super) author: String,
    /// True where it is not said.
    pub(super) pause: Option<bool>,
    pub(super) changes: Vec<String>,
}

/// `PUT /containers/{name}/archive`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CopyTo {
    path: String,
    /// `1` and `true`.
    #[serde(rename = "noOverwriteDirNonDir")]
    no_overwrite: bool,
    #[serde(rename = "copyUIDGID")]
    chown: bool,
}

impl CopyTo {
    pub(super) fn options(self) -> cove_api::CopyToOptions {
        cove_api::CopyToOptions {
            path: self.path,
            chown: self.chown,
            rename: std::collections::BTreeMap::new(),
            no_overwrite: self.no_overwrite,
        }
    }
}

/// `GET /containers/{name}/stats`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stats {
    /// True where it is not said.
    pub(super) stream: Option<bool>,
    /// One sample at once, with nothing before it.
    #[serde(rename = "one-shot")]
    pub(super) one_shot: bool,
}
