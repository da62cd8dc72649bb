//! An engine that lives in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cove_api::*;
use futures_util::{StreamExt as _, stream};
use tokio::sync::broadcast;

/// An engine with containers that only remember their state.
pub(crate) struct FakeEngine {
    pub(crate) containers: Mutex<BTreeMap<String, ContainerSummary>>,
    pub(crate) images: Mutex<Vec<ImageSummary>>,
    pub(crate) specs: Mutex<Vec<ContainerSpec>>,
    events: Mutex<Option<broadcast::Sender<Event>>>,
}

impl FakeEngine {
    pub(crate) fn new(containers: &[(&str, &str)]) -> Arc<Self> {
        let row = |(id, state): &(&str, &str)| {
            let summary = ContainerSummary {
                id: (*id).into(),
                names: vec![format!("name-{id}")],
                state: state.parse().unwrap(),
                ..ContainerSummary::default()
            };
            ((*id).to_owned(), summary)
        };
        Arc::new(Self {
            containers: Mutex::new(containers.iter().map(row).collect()),
            images: Mutex::default(),
            specs: Mutex::default(),
            events: Mutex::new(Some(broadcast::channel(4096).0)),
        })
    }

    /// Changes a container's state (`removed` takes it away) and tells.
    pub(crate) fn set(&self, id: &str, state: &str) {
        let mut containers = self.containers.lock().unwrap();
        if state == "removed" {
            containers.remove(id);
        } else {
            let row = containers.entry(id.to_owned()).or_default();
            row.id = id.to_owned();
            row.state = state.parse().unwrap();
        }
        drop(containers);
        self.tell("container", state, id);
    }

    pub(crate) fn tell(&self, kind: &str, action: &str, id: &str) {
        let actor = EventActor { id: id.into(), ..EventActor::default() };
        let event = Event {
            kind: kind.into(),
            action: action.into(),
            actor,
            scope: "local".into(),
            time: 0,
            time_nano: 0,
        };
        if let Some(events) = &*self.events.lock().unwrap() {
            let _ = events.send(event);
        }
    }

    /// Ends the stream of events; a new one can be had.
    pub(crate) fn hang_up(&self) {
        *self.events.lock().unwrap() = Some(broadcast::channel(4096).0);
    }
}

fn unused<T>() -> Result<T> {
    Err(Error::unsupported("not in this test"))
}

impl Engine for FakeEngine {
    fn containers(&self) -> &dyn Containers {
        self
    }
    fn execs(&self) -> &dyn Execs {
        unreachable!("no test needs them")
    }
    fn images(&self) -> &dyn Images {
        self
    }
    fn networks(&self) -> &dyn Networks {
        unreachable!("no test needs them")
    }
    fn system(&self) -> &dyn System {
        self
    }
    fn volumes(&self) -> &dyn Volumes {
        unreachable!("no test needs them")
    }
}

#[async_trait]
impl System for FakeEngine {
    async fn ping(&self) -> Result<Ping> {
        Ok(Ping::default())
    }
    async fn version(&self) -> Result<Version> {
        Ok(Version { version: "9.8.7".into(), os_arch: "linux/amd64".into(), ..Version::default() })
    }
    async fn info(&self) -> Result<Info> {
        unused()
    }
    async fn events(&self, _: EventOptions) -> Result<ValueStream<Event>> {
        let Some(receiver) = self.events.lock().unwrap().as_ref().map(broadcast::Sender::subscribe) else {
            return Err(Error::new(ErrorKind::Unavailable, "gone"));
        };
        Ok(Box::pin(stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.ok().map(|event| (Ok(event), receiver))
        })))
    }
}

#[async_trait]
impl Containers for FakeEngine {
    async fn create(&self, spec: ContainerSpec) -> Result<ContainerCreateReport> {
        self.specs.lock().unwrap().push(spec);
        self.set("made", "created");
        Ok(ContainerCreateReport { id: "made".into(), warnings: Vec::new() })
    }
    async fn start(&self, name: &str) -> Result<()> {
        if !self.containers.lock().unwrap().contains_key(name) {
            return Err(Error::not_found(format!("no container {name}")));
        }
        self.set(name, "running");
        Ok(())
    }
    async fn stop(&self, name: &str, _: StopOptions) -> Result<()> {
        self.set(name, "exited");
        Ok(())
    }
    async fn restart(&self, _: &str, _: StopOptions) -> Result<()> {
        unused()
    }
    async fn kill(&self, _: &str, _: i32) -> Result<()> {
        unused()
    }
    async fn pause(&self, _: &str) -> Result<()> {
        unused()
    }
    async fn unpause(&self, _: &str) -> Result<()> {
        unused()
    }
    async fn rename(&self, _: &str, _: &str) -> Result<()> {
        unused()
    }
    async fn remove(&self, name: &str, _: RemoveOptions) -> Result<Vec<ContainerRemoveReport>> {
        self.set(name, "removed");
        Ok(vec![ContainerRemoveReport { id: name.into(), error: None }])
    }
    async fn list(&self, options: ListOptions) -> Result<Vec<ContainerSummary>> {
        let wanted = options.filters.get("id");
        let rows = self.containers.lock().unwrap().values().cloned().collect::<Vec<_>>();
        Ok(rows.into_iter().filter(|row| wanted.is_none_or(|ids| ids.contains(&row.id))).collect())
    }
    async fn inspect(&self, name: &str, _: bool) -> Result<ContainerInspect> {
        Ok(ContainerInspect { id: name.into(), ..ContainerInspect::default() })
    }
    async fn exists(&self, _: &str) -> Result<bool> {
        unused()
    }
    async fn wait(&self, _: &str, _: WaitOptions) -> Result<i32> {
        unused()
    }
    async fn logs(&self, name: &str, _: LogOptions) -> Result<ValueStream<LogLine>> {
        let line = |number: usize| {
            Ok(LogLine {
                time: Timestamp::UNIX_EPOCH,
                stream: OutputStream::Stdout,
                data: format!("line {number}").into(),
                partial: false,
            })
        };
        // The log of "endless" goes on for ever.
        if name == "endless" {
            return Ok(Box::pin(stream::iter(0..).map(line)));
        }
        Ok(Box::pin(stream::iter(0..20_000).map(line)))
    }
    async fn attach(&self, _: &str, _: AttachOptions) -> Result<AttachStream> {
        unused()
    }
    async fn resize(&self, _: &str, _: TerminalSize) -> Result<()> {
        unused()
    }
    async fn top(&self, _: &str, _: Vec<String>) -> Result<TopReport> {
        unused()
    }
    async fn cleanup(&self, _: &str) -> Result<()> {
        unused()
    }
}

#[async_trait]
impl Images for FakeEngine {
    async fn pull(&self, name: &str, _: PullOptions) -> Result<ValueStream<Progress<PullReport>>> {
        let blob = |current, phase| {
            Progress::Blob(BlobProgress { digest: "sha256:1".into(), current, total: 100, phase })
        };
        if name == "never" {
            let first = stream::iter([Ok(blob(1, BlobPhase::Copying))]);
            return Ok(Box::pin(first.chain(stream::pending())));
        }
        if name == "bad" {
            return Err(Error::new(ErrorKind::Unauthorized, "bad: who are you?"));
        }
        self.images.lock().unwrap().push(ImageSummary {
            id: "new".into(),
            names: vec![name.into()],
            ..ImageSummary::default()
        });
        self.tell("image", "pull", "new");
        let report = PullReport { images: vec!["new".into()] };
        Ok(Box::pin(stream::iter(
            [
                Progress::Message("Trying".into()),
                blob(50, BlobPhase::Copying),
                blob(100, BlobPhase::Done),
                Progress::Done(report),
            ]
            .map(Ok),
        )))
    }
    async fn list(&self, _: ImageListOptions) -> Result<Vec<ImageSummary>> {
        Ok(self.images.lock().unwrap().clone())
    }
    async fn inspect(&self, _: &str) -> Result<ImageInspect> {
        unused()
    }
    async fn history(&self, _: &str) -> Result<Vec<ImageHistoryRow>> {
        unused()
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.images.lock().unwrap().iter().any(|image| image.names.iter().any(|own| own == name)))
    }
    async fn remove(&self, _: Vec<String>, _: ImageRemoveOptions) -> Result<ImageRemoveReport> {
        Ok(ImageRemoveReport { errors: vec!["in use".into()], exit_code: 2, ..ImageRemoveReport::default() })
    }
    async fn tag(&self, _: &str, _: &str) -> Result<()> {
        unused()
    }
    async fn untag(&self, _: &str, _: Vec<String>) -> Result<()> {
        unused()
    }
    async fn load(&self, _: ByteStream) -> Result<LoadReport> {
        unused()
    }
    async fn save(&self, _: Vec<String>, _: SaveOptions) -> Result<ByteStream> {
        unused()
    }
    async fn import(&self, _: ByteStream, _: ImportOptions) -> Result<String> {
        unused()
    }
}
