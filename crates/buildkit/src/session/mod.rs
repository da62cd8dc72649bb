//! Sessions: the connections over which a client serves its files, its secrets and its credentials.

mod agent;
mod calls;
mod files;
mod send;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

pub(crate) use agent::AgentSocket;
pub(crate) use files::Wanted;

use crate::grpc::Channel;

/// How long a build waits for the session that it names, which comes over a connection of its own.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most sessions at a time.
const MAX_SESSIONS: usize = 256;
/// Longest name of a session, or key of its files, in bytes.
const MAX_NAME: usize = 1024;

/// What a client says of its session when it opens it.
#[derive(Debug, Clone, Default)]
pub struct SessionHeaders {
    /// Its name.
    pub id: String,
    /// By which its files are found again; empty where they are not to be kept.
    pub shared_key: String,
    /// The calls that it answers, as paths.
    pub methods: Vec<String>,
}

/// A session.
#[derive(Clone)]
pub(crate) struct Session {
    channel: Channel,
    headers: Arc<SessionHeaders>,
    closed: CancellationToken,
}

impl Session {
    /// Whether the client answers a call.
    pub(crate) fn answers(&self, method: &str) -> bool {
        self.headers.methods.iter().any(|known| known.eq_ignore_ascii_case(method))
    }

    /// By which its files are found again.
    pub(crate) fn shared_key(&self) -> &str {
        &self.headers.shared_key
    }

    /// Ends with the session.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

/// All of them.
#[derive(Clone)]
pub(crate) struct Sessions {
    known: Arc<watch::Sender<HashMap<String, Session>>>,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { known: Arc::new(watch::channel(HashMap::new()).0) }
    }

    /// Makes a session known for as long as the answer lives.
    ///
    /// # Errors
    /// There are too many, or there is one of that name.
    pub(crate) fn enter(&self, channel: Channel, headers: SessionHeaders) -> Result<Entered, Status> {
        let id = headers.id.clone();
        if id.is_empty() || id.len() > MAX_NAME || headers.shared_key.len() > MAX_NAME {
            return Err(Status::invalid_argument("the session has no name, or a long one"));
        }
        let closed = CancellationToken::new();
        let session = Session { channel, headers: Arc::new(headers), closed: closed.clone() };
        let mut refused = None;
        self.known.send_if_modified(|known| {
            if known.len() >= MAX_SESSIONS {
                refused = Some(Status::resource_exhausted("too many sessions at a time"));
            } else if known.contains_key(&id) {
                refused = Some(Status::already_exists("there is a session of that name"));
            } else {
                known.insert(id.clone(), session);
            }
            refused.is_none()
        });
        match refused {
            Some(refused) => Err(refused),
            None => Ok(Entered { sessions: self.clone(), id, closed }),
        }
    }

    /// A session, which is waited for where it is not yet there.
    ///
    /// # Errors
    /// It does not come.
    pub(crate) async fn find(&self, id: &str) -> Result<Session, Status> {
        let mut known = self.known.subscribe();
        let found = tokio::time::timeout(PATIENCE, known.wait_for(|known| known.contains_key(id))).await;
        let found = found.ok().and_then(Result::ok).and_then(|known| known.get(id).cloned());
        found.ok_or_else(|| Status::failed_precondition("the client has opened no session for the build"))
    }
}

/// A session for as long as its connection lives.
pub(crate) struct Entered {
    sessions: Sessions,
    id: String,
    closed: CancellationToken,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.closed.cancel();
        self.sessions.known.send_if_modified(|known| known.remove(&self.id).is_some());
    }
}
