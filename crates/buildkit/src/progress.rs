//! What a build has told so far, for whoever follows it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cove_api::{BuildStep, BuildWatch};
use futures_util::stream;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::grpc::Answers;
use crate::messages::{StatusResponse, Timestamp, Vertex, VertexLog, VertexWarning};

/// Most bytes of a step's output that are kept; what follows is not told.
const MAX_OUTPUT: usize = 2 << 20;
/// The same of all steps together.
const MAX_ALL_OUTPUT: usize = 32 << 20;
/// What a line costs besides its bytes.
const LINE: usize = 128;
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
    /// What the output of steps has cost.
    written: HashMap<String, usize>,
    /// The same of all together.
    all_written: usize,
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

/// What shows the steps of a build.
pub(crate) fn watching(progress: &Arc<Progress>) -> BuildWatch {
    let progress = Arc::clone(progress);
    let open: Mutex<HashMap<u64, StepProgress>> = Mutex::default();
    Arc::new(move |number, step| {
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        match step {
            BuildStep::Begun(text) => drop(open.insert(number, progress.begin(&text))),
            BuildStep::Output(text) => {
                if let Some(step) = open.get(&number) {
                    step.output(&text);
                }
            }
            BuildStep::Cached => {
                if let Some(step) = open.get_mut(&number) {
                    step.cached();
                }
            }
            BuildStep::Done => {
                if let Some(step) = open.remove(&number) {
                    step.done();
                }
            }
            BuildStep::Failed(why) => {
                if let Some(step) = open.remove(&number) {
                    step.failed(&why);
                }
            }
        }
    })
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
            let cost = message.len() + LINE;
            let written = told.written.get(&self.vertex.digest).copied().unwrap_or_default();
            if written > MAX_OUTPUT || told.all_written > MAX_ALL_OUTPUT {
                return;
            }
            told.written.insert(self.vertex.digest.clone(), written + cost);
            told.all_written += cost;
            if written + cost > MAX_OUTPUT || told.all_written > MAX_ALL_OUTPUT {
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

    /// It was done before.
    pub(crate) fn cached(&mut self) {
        self.vertex.cached = true;
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
        let mut step = progress.begin("one");
        step.output("a line\n");
        step.cached();
        step.done();
        progress.begin("two").failed("it broke");
        progress.end();
        let all: Vec<StatusResponse> =
            Arc::clone(&progress).follow().map(|news| news.expect("no error")).collect().await;
        let vertexes: Vec<_> = all.iter().flat_map(|news| &news.vertexes).collect();
        assert_eq!(vertexes.len(), 4);
        assert_eq!(vertexes[0].digest, vertexes[1].digest);
        assert_ne!(vertexes[0].digest, vertexes[2].digest);
        assert!(vertexes[1].cached && vertexes[1].completed.is_some() && vertexes[0].completed.is_none());
        assert_eq!((vertexes[3].error.as_str(), &*all[0].logs[0].message), ("it broke", &b"a line\n"[..]));
    }

    #[tokio::test]
    async fn steps_of_a_build_are_shown() {
        let progress = Progress::new();
        let watch = watching(&progress);
        watch(1, BuildStep::Begun("[1/2] FROM x".into()));
        watch(1, BuildStep::Done);
        watch(2, BuildStep::Begun("[2/2] RUN y".into()));
        watch(2, BuildStep::Output("z\n".into()));
        watch(2, BuildStep::Failed("no".into()));
        watch(3, BuildStep::Output("of nothing".into()));
        progress.end();
        let all: Vec<StatusResponse> = progress.follow().map(|news| news.expect("no error")).collect().await;
        let vertexes: Vec<_> = all.iter().flat_map(|news| &news.vertexes).collect();
        let told: Vec<_> = vertexes.iter().map(|one| (one.name.as_str(), one.error.as_str())).collect();
        assert_eq!(
            told,
            [("[1/2] FROM x", ""), ("[1/2] FROM x", ""), ("[2/2] RUN y", ""), ("[2/2] RUN y", "no")]
        );
        assert_eq!(all.iter().map(|news| news.logs.len()).sum::<usize>(), 1);
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
