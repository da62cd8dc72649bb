//! The builds that are under way, by the names that their clients have given them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tonic::Status;

use crate::messages::ReturnRequest;
use crate::output::Output;
use crate::progress::Progress;

/// How long a call that names a build waits for the build's own call, which comes over the same connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a build is known after its end, so that its progress can still be read.
const AFTERWARDS: Duration = Duration::from_secs(10);
/// Most builds that are known at a time.
const MAX_BUILDS: usize = 256;
/// Longest name of a build, in bytes.
const MAX_NAME: usize = 256;
/// Most results of a client's own frontend.
const MAX_RESULTS: usize = 256;

/// All of them.
#[derive(Clone)]
pub(crate) struct Builds {
    known: Arc<watch::Sender<HashMap<String, Arc<Build>>>>,
}

/// A build that is known.
pub(crate) struct Build {
    /// The session with the client's files.
    pub(crate) session: String,
    /// Where the result goes.
    pub(crate) output: Output,
    pub(crate) progress: Arc<Progress>,
    /// What the bridge has built for it, by the names that were given for it: ids of images.
    results: Mutex<HashMap<String, String>>,
    /// Where what the client's frontend returns is waited for.
    returned: Mutex<Option<oneshot::Sender<ReturnRequest>>>,
}

impl Builds {
    pub(crate) fn new() -> Self {
        Self { known: Arc::new(watch::channel(HashMap::new()).0) }
    }

    /// Makes a build known for as long as the answer lives, and a little longer; with where its frontend's result comes.
    pub(crate) fn enter(
        &self,
        name: &str,
        session: &str,
        output: Output,
    ) -> Result<(Entered, oneshot::Receiver<ReturnRequest>), Status> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(Status::invalid_argument("the build has no name, or a long one"));
        }
        let (sender, receiver) = oneshot::channel();
        let build = Arc::new(Build {
            session: session.to_owned(),
            output,
            progress: Progress::new(),
            results: Mutex::default(),
            returned: Mutex::new(Some(sender)),
        });
        let mut refused = None;
        self.known.send_if_modified(|known| {
            if known.len() >= MAX_BUILDS {
                refused = Some(Status::resource_exhausted("too many builds at a time"));
            } else if known.contains_key(name) {
                refused = Some(Status::already_exists("there is a build of that name"));
            } else {
                known.insert(name.to_owned(), Arc::clone(&build));
            }
            refused.is_none()
        });
        match refused {
            Some(refused) => Err(refused),
            None => Ok((Entered { builds: self.clone(), name: name.to_owned(), build }, receiver)),
        }
    }

    /// A build, which is waited for where it is not yet there.
    pub(crate) async fn find(&self, name: &str) -> Result<Arc<Build>, Status> {
        let mut known = self.known.subscribe();
        let found = known.wait_for(|known| known.contains_key(name));
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(Ok(known)) => known.get(name).map(Arc::clone),
            _ => None,
        }
        .ok_or_else(|| Status::not_found("there is no build of that name"))
    }
}

impl Build {
    /// An error where the build's own call has ended.
    pub(crate) fn check(&self) -> Result<(), Status> {
        match self.progress.has_ended() {
            true => Err(Status::failed_precondition("the build has ended")),
            false => Ok(()),
        }
    }

    /// Notes a result under a name of our own.
    pub(crate) fn keep(&self, id: String) -> Result<String, Status> {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        if results.len() >= MAX_RESULTS {
            return Err(Status::resource_exhausted("too many results of one build"));
        }
        let name = format!("result-{}", results.len());
        results.insert(name.clone(), id);
        Ok(name)
    }

    /// The image of a result.
    pub(crate) fn result(&self, name: &str) -> Option<String> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The client's frontend has ended.
    pub(crate) fn give(&self, request: ReturnRequest) -> Result<(), Status> {
        let sender = self.returned.lock().unwrap_or_else(PoisonError::into_inner).take();
        let sender = sender.ok_or_else(|| Status::failed_precondition("the frontend has returned before"))?;
        sender.send(request).map_err(|_| Status::failed_precondition("nobody waits for the frontend"))
    }
}

/// A build for as long as its call lives.
pub(crate) struct Entered {
    builds: Builds,
    name: String,
    pub(crate) build: Arc<Build>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.build.progress.end();
        let (builds, name) = (self.builds.clone(), std::mem::take(&mut self.name));
        tokio::spawn(async move {
            tokio::time::sleep(AFTERWARDS).await;
            builds.known.send_if_modified(|known| known.remove(&name).is_some());
        });
    }
}
