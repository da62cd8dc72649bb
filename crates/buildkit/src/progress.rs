//! What a build has told so far, for whoever follows it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::grpc::Answers;
use crate::messages::{StatusResponse, Timestamp, Vertex, VertexLog, VertexWarning};

/// Most bytes of a step's output that are kept; what follows is not told.
const MAX_OUTPUT: usize = 2 << 20;
/// Most pieces of news in one message.
const MAX_BATCH: usize = 256;
/// Most bytes of output in one message, after which no more is added.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// The progress of a build.
pub(crate) struct Progress {
    told: Mutex<Told>,
    /// How much is told, and whether that is all.
    changed: watch::Sender<(usize, bool)>,
}

#[derive(Default)]
struct Told {
    news: Vec<News>,
    /// Bytes that steps have written.
    written: HashMap<String, usize>,
}

#[derive(Clone)]
enum News {
    Vertex(Vertex),
    Log(VertexLog),
    Warning(VertexWarning),
}

impl Progress {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { told: Mutex::default(), changed: watch::channel((0, false)).0 })
    }

    /// A step has begun.
    pub(crate) fn begin(self: &Arc<Self>, name: &str) -> StepProgress {
        let mut random = Sha256::new();
        random.update(format!("{:p}", Arc::as_ptr(self)));
        let count = self.changed.borrow().0;
        random.update(count.to_le_bytes());
        random.update(name);
        let vertex = Vertex {
            digest: format!("sha256:{}", crate::mirror::hex(&random.finalize())),
            name: cove_api::shown::line(name).into_owned(),
            started: Some(Timestamp::now()),
            ..Vertex::default()
        };
        self.tell(News::Vertex(vertex.clone()));
        StepProgress { progress: Arc::clone(self), vertex, open: true }
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) {
        self.changed.send_modify(|(_, ended)| *ended = true);
    }

    /// Whether nothing more comes.
    pub(crate) fn has_ended(&self) -> bool {
        self.changed.borrow().1
    }

    fn tell(&self, news: News) {
        let count = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.news.push(news);
            told.news.len()
        };
        self.changed.send_modify(|(known, _)| *known = count.max(*known));
    }

    /// What is told from the beginning, up to the end.
    pub(crate) fn follow(self: Arc<Self>) -> Answers<StatusResponse> {
        let changed = self.changed.subscribe();
        Box::pin(stream::unfold((self, changed, 0), |(progress, mut changed, mut place)| async move {
            let (count, ended) = *changed.wait_for(|(count, ended)| *count > place || *ended).await.ok()?;
            if count <= place && ended {
                return None;
            }
            let response = progress.batch(&mut place);
            Some((Ok(response), (progress, changed, place)))
        }))
    }

    fn batch(&self, place: &mut usize) -> StatusResponse {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut response = StatusResponse::default();
        let mut bytes = 0;
        for news in told.news[*place..].iter().take(MAX_BATCH) {
            match news.clone() {
                News::Vertex(vertex) => response.vertexes.push(vertex),
                News::Log(log) => {
                    bytes += log.message.len();
                    response.logs.push(log);
                }
                News::Warning(warning) => response.warnings.push(warning),
            }
            *place += 1;
            if bytes > MAX_BATCH_BYTES {
                break;
            }
        }
        response
    }
}

/// A step under way; one that is dropped has been given up.
pub(crate) struct StepProgress {
    progress: Arc<Progress>,
    vertex: Vertex,
    open: bool,
}

impl StepProgress {
    /// It has written something.
    pub(crate) fn output(&self, text: &str) {
        let mut message = text.as_bytes().to_vec();
        {
            let mut told = self.progress.told.lock().unwrap_or_else(PoisonError::into_inner);
            let written = told.written.entry(self.vertex.digest.clone()).or_default();
            if *written > MAX_OUTPUT {
                return;
            }
            *written += message.len();
            if *written > MAX_OUTPUT {
                message = format!("[output clipped: more than {} MiB]\n", MAX_OUTPUT >> 20).into_bytes();
            }
        }
        self.progress.tell(News::Log(VertexLog {
            vertex: self.vertex.digest.clone(),
            timestamp: Some(Timestamp::now()),
            stream: 1,
            message,
        }));
    }

    /// Something about it should be known.
    pub(crate) fn warn(&self, text: &str) {
        self.progress.tell(News::Warning(VertexWarning {
            vertex: self.vertex.digest.clone(),
            level: 1,
            short: text.as_bytes().to_vec(),
        }));
    }

    /// It is done.
    pub(crate) fn done(mut self) {
        self.finish("");
    }

    /// It failed.
    pub(crate) fn failed(mut self, error: &str) {
        self.finish(error);
    }

    fn finish(&mut self, error: &str) {
        if std::mem::replace(&mut self.open, false) {
            self.vertex.completed = Some(Timestamp::now());
            error.clone_into(&mut self.vertex.error);
            self.progress.tell(News::Vertex(self.vertex.clone()));
        }
    }
}

impl Drop for StepProgress {
    fn drop(&mut self) {
        self.finish("the build was given up");
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn all_is_told_to_who_comes_late_and_the_end_too() {
        let progress = Progress::new();
        let step = progress.begin("one");
        step.output("a line\n");
        step.done();
        progress.begin("two").failed("it broke");
        progress.end();
        let all: Vec<StatusResponse> =
            Arc::clone(&progress).follow().map(|news| news.expect("no error")).collect().await;
        let vertexes: Vec<_> = all.iter().flat_map(|news| &news.vertexes).collect();
        assert_eq!(vertexes.len(), 4);
        assert_eq!(vertexes[0].digest, vertexes[1].digest);
        assert_ne!(vertexes[0].digest, vertexes[2].digest);
        assert!(vertexes[1].completed.is_some() && vertexes[0].completed.is_none());
        assert_eq!((vertexes[3].error.as_str(), &*all[0].logs[0].message), ("it broke", &b"a line\n"[..]));
    }

    #[tokio::test]
    async fn output_is_bounded() {
        let progress = Progress::new();
        let step = progress.begin("yes");
        let line = "y\n".repeat(1 << 15);
        for _ in 0..1000 {
            step.output(&line);
        }
        step.done();
        progress.end();
        let logs: Vec<_> =
            progress.follow().flat_map(|news| stream::iter(news.expect("no error").logs)).collect().await;
        let bytes: usize = logs.iter().map(|log| log.message.len()).sum();
        assert!(bytes < MAX_OUTPUT + 100, "{bytes}");
        assert!(String::from_utf8_lossy(&logs.last().expect("a log").message).contains("clipped"));
    }
}
