//! An engine in memory: it writes every call down and answers from what it was given.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::*;
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The name for which every call fails with [`FakeEngine::failure`].
pub(crate) const BROKEN: &str = "broken";

/// The engine.
#[derive(Clone, Default)]
pub(crate) struct FakeEngine {
    /// What was called.
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
    /// Whether containers and sessions have a terminal.
    pub(crate) terminal: bool,
    /// What [`BROKEN`] fails with; not found where it is `None`.
    pub(crate) failure: Option<ErrorKind>,
    /// How many streams of output, logs or events are held.
    pub(crate) live: Arc<AtomicUsize>,
}

/// Held by a stream for as long as it lives.
struct Token(Arc<AtomicUsize>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FakeEngine {
    /// The calls since the last look.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    fn note(&self, name: &str, call: String) -> Result<()> {
        self.calls.lock().unwrap().push(call);
        if name == BROKEN {
            let kind = self.failure.unwrap_or(ErrorKind::NotFound);
            return Err(Error::new(kind, format!("{name}: it is broken")));
        }
        Ok(())
    }

    /// Streams that are still held.
    pub(crate) fn live_streams(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    fn token(&self) -> Token {
        self.live.fetch_add(1, Ordering::SeqCst);
        Token(Arc::clone(&self.live))
    }

    /// Echoes the input in upper case up to its end, then says `end` on standard error. `idle` never says anything.
    fn echo(&self, name: &str, with_input: bool) -> AttachStream {
        let token = self.token();
        if name == "idle" {
            let output = stream::pending().inspect(move |_| drop(Arc::clone(&token.0)));
            let input =
                with_input.then(|| Box::pin(tokio::io::sink()) as Pin<Box<dyn tokio::io::AsyncWrite + Send>>);
            return AttachStream { input, output: Box::pin(output) };
        }
        let (input, mut far) = tokio::io::duplex(64);
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            let chunk = |stream, data: Vec<u8>| Ok(OutputChunk { stream, data: Bytes::from(data) });
            if with_input {
                while let Ok(count @ 1..) = far.read(&mut buffer).await {
                    let upper = buffer[..count].to_ascii_uppercase();
                    let _ = sender.send(chunk(OutputStream::Stdout, upper)).await;
                }
            } else {
                let _ = sender.send(chunk(OutputStream::Stdout, b"out".to_vec())).await;
            }
            let _ = far.shutdown().await;
            let _ = sender.send(chunk(OutputStream::Stderr, b"end".to_vec())).await;
        });
        let output = stream::unfold((receiver, token), |(mut receiver, token)| async move {
            receiver.recv().await.map(|item| (item, (receiver, token)))
        });
        AttachStream { input: with_input.then(|| Box::pin(input) as _), output: Box::pin(output) }
    }
}

/// A time with a fraction.
pub(crate) fn time() -> Timestamp {
    Timestamp::new(1_700_000_000, 123_000_000).unwrap()
}

/// A container as `inspect` gives it.
pub(crate) fn container(name: &str, terminal: bool) -> ContainerInspect {
    let mut container = ContainerInspect {
        id: if name == "idle" { name.into() } else { "c".repeat(64) },
        name: name.into(),
        image: "a".repeat(64),
        image_name: "localhost/image:1".into(),
        ..ContainerInspect::default()
    };
    container.config.tty = terminal;
    container.state.status = ContainerState::Running;
    container.state.running = true;
    container
}

/// A row of a list of containers.
pub(crate) fn container_row() -> ContainerSummary {
    ContainerSummary {
        id: "c".repeat(64),
        names: vec!["one".into()],
        image: "localhost/image:1".into(),
        image_id: "a".repeat(64),
        command: vec!["sleep".into(), "9".into()],
        created: time(),
        state: ContainerState::Exited,
        exit_code: 3,
        networks: vec!["podman".into()],
        ports: vec![PortMapping {
            host_ip: String::new(),
            container_port: 80,
            host_port: 8080,
            range: 2,
            protocol: "tcp".into(),
        }],
        labels: StringMap::from([("l".into(), "1".into())]),
        size: Some(ContainerSize { root_fs: 10, rw: 2 }),
        ..ContainerSummary::default()
    }
}

/// A row of a list of images.
pub(crate) fn image_row() -> ImageSummary {
    ImageSummary {
        id: "a".repeat(64),
        repo_tags: vec!["localhost/image:1".into()],
        created: 1_700_000_000,
        size: 42,
        ..ImageSummary::default()
    }
}

/// An image as `inspect` gives it.
pub(crate) fn image() -> ImageInspect {
    ImageInspect {
        id: "a".repeat(64),
        created: Some(time()),
        config: ImageConfig { cmd: vec!["sh".into()], ..ImageConfig::default() },
        os: "linux".into(),
        ..ImageInspect::default()
    }
}

/// A session as `inspect` gives it.
pub(crate) fn session(id: &str, terminal: bool) -> ExecInspect {
    ExecInspect {
        id: id.into(),
        container_id: "c".repeat(64),
        exit_code: 4,
        open_stdin: id != "quiet",
        open_stdout: true,
        process_config: ExecProcess { tty: terminal, entrypoint: "sh".into(), ..ExecProcess::default() },
        ..ExecInspect::default()
    }
}

/// A volume.
pub(crate) fn volume(name: &str) -> Volume {
    Volume {
        name: name.into(),
        mountpoint: "/v".into(),
        created_at: time(),
        anonymous: true,
        ..Volume::default()
    }
}

/// A network.
pub(crate) fn network(name: &str) -> Network {
    Network {
        name: name.into(),
        id: "e".repeat(64),
        created: time(),
        subnets: vec![Subnet { subnet: "10.9.0.0/24".into(), gateway: "10.9.0.1".into(), lease_range: None }],
        ..Network::default()
    }
}

/// A network as `inspect` gives it.
pub(crate) fn network_inspect(name: &str) -> NetworkInspect {
    let member = NetworkMember { name: "one".into(), ..NetworkMember::default() };
    NetworkInspect { network: network(name), containers: [("c".repeat(64), member)].into() }
}

/// An event.
pub(crate) fn event(action: &str) -> Event {
    Event {
        kind: "container".into(),
        action: action.into(),
        actor: EventActor {
            id: "c".repeat(64),
            attributes: [("name".into(), "one".into()), ("containerExitCode".into(), "3".into())].into(),
        },
        scope: "local".into(),
        time: 1_700_000_000,
        time_nano: 1_700_000_000_123_000_000,
    }
}

/// What the engine is.
pub(crate) fn version() -> Version {
    Version {
        api_version: "5.0.0".into(),
        version: "0.1.0".into(),
        go_version: String::new(),
        git_commit: "abc".into(),
        built_time: "2026-01-02T03:04:05Z".into(),
        built: 1_767_323_045,
        build_origin: "here".into(),
        os_arch: "linux/amd64".into(),
        os: "linux".into(),
    }
}

/// Lines of a log.
pub(crate) fn log_lines() -> Vec<LogLine> {
    let line =
        |stream, data: &'static str, partial| LogLine { time: time(), stream, data: data.into(), partial };
    vec![
        line(OutputStream::Stdout, "one", false),
        line(OutputStream::Stderr, "two ", true),
        line(OutputStream::Stderr, "", false),
    ]
}

/// Progress of a pull.
pub(crate) fn progress() -> Vec<Progress<PullReport>> {
    vec![
        Progress::Message("Trying to pull image...".into()),
        Progress::Blob(BlobProgress {
            digest: format!("sha256:{}", "d".repeat(64)),
            current: 5,
            total: 10,
            phase: BlobPhase::Copying,
        }),
        Progress::Done(PullReport { images: vec!["a".repeat(64)] }),
    ]
}

async fn all_of(mut bytes: ByteStream) -> Result<usize> {
    let mut length = 0;
    while let Some(piece) = bytes.next().await {
        length += piece?.len();
    }
    Ok(length)
}

impl Engine for FakeEngine {
    fn containers(&self) -> &dyn Containers {
        self
    }
    fn execs(&self) -> &dyn Execs {
        self
    }
    fn images(&self) -> &dyn Images {
        self
    }
    fn networks(&self) -> &dyn Networks {
        self
    }
    fn system(&self) -> &dyn System {
        self
    }
    fn volumes(&self) -> &dyn Volumes {
        self
    }
}

#[async_trait]
impl Containers for FakeEngine {
    async fn create(&self, spec: ContainerSpec) -> Result<ContainerCreateReport> {
        let image = spec.image.clone();
        self.note(&image, format!("create {}", serde_json::to_string(&spec).unwrap()))?;
        Ok(ContainerCreateReport { id: "c".repeat(64), warnings: vec!["careful".into()] })
    }
    async fn start(&self, name: &str) -> Result<()> {
        self.note(name, format!("start {name}"))
    }
    async fn stop(&self, name: &str, options: StopOptions) -> Result<()> {
        self.note(name, format!("stop {name} {options:?}"))
    }
    async fn restart(&self, name: &str, options: StopOptions) -> Result<()> {
        self.note(name, format!("restart {name} {options:?}"))
    }
    async fn kill(&self, name: &str, signal: i32) -> Result<()> {
        self.note(name, format!("kill {name} {signal}"))
    }
    async fn pause(&self, name: &str) -> Result<()> {
        self.note(name, format!("pause {name}"))
    }
    async fn unpause(&self, name: &str) -> Result<()> {
        self.note(name, format!("unpause {name}"))
    }
    async fn rename(&self, name: &str, new_name: &str) -> Result<()> {
        self.note(name, format!("rename {name} {new_name}"))
    }
    async fn remove(&self, name: &str, options: RemoveOptions) -> Result<Vec<ContainerRemoveReport>> {
        self.note(name, format!("remove {name} {options:?}"))?;
        Ok(vec![
            ContainerRemoveReport { id: "c".repeat(64), error: None },
            ContainerRemoveReport { id: "d".repeat(64), error: Some("busy".into()) },
        ])
    }
    async fn list(&self, options: ListOptions) -> Result<Vec<ContainerSummary>> {
        self.note("", format!("list {options:?}"))?;
        Ok(vec![container_row()])
    }
    async fn inspect(&self, name: &str, size: bool) -> Result<ContainerInspect> {
        self.note(name, format!("inspect {name} {size}"))?;
        assert_ne!(name, "panic", "asked to");
        Ok(container(name, self.terminal))
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("exists {name}"))?;
        Ok(name == "one")
    }
    async fn wait(&self, name: &str, options: WaitOptions) -> Result<i32> {
        self.note(name, format!("wait {name} {options:?}"))?;
        if name == "idle" {
            let _token = self.token();
            std::future::pending::<()>().await;
        }
        Ok(7)
    }
    async fn logs(&self, name: &str, options: LogOptions) -> Result<ValueStream<LogLine>> {
        self.note(name, format!("logs {name} {options:?}"))?;
        let lines = stream::iter(log_lines().into_iter().map(Ok));
        if options.follow {
            let token = self.token();
            return Ok(Box::pin(lines.chain(stream::pending().inspect(move |_| drop(Arc::clone(&token.0))))));
        }
        Ok(Box::pin(lines))
    }
    async fn attach(&self, name: &str, options: AttachOptions) -> Result<AttachStream> {
        self.note(name, format!("attach {name} {options:?}"))?;
        Ok(self.echo(name, options.stdin))
    }
    async fn resize(&self, name: &str, size: TerminalSize) -> Result<()> {
        self.note(name, format!("resize {name} {size:?}"))
    }
    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport> {
        self.note(name, format!("top {name} {descriptors:?}"))?;
        Ok(TopReport { titles: vec!["PID".into()], processes: vec![vec!["1".into()]] })
    }
    async fn cleanup(&self, name: &str) -> Result<()> {
        self.note(name, format!("cleanup {name}"))
    }
}

#[async_trait]
impl Execs for FakeEngine {
    async fn create(&self, container: &str, spec: ExecSpec) -> Result<String> {
        self.note(container, format!("exec create {container} {spec:?}"))?;
        Ok("session".into())
    }
    async fn start(&self, id: &str, options: ExecStartOptions) -> Result<Option<AttachStream>> {
        self.note(id, format!("exec start {id} {options:?}"))?;
        if id == "missing" {
            return Err(Error::new(ErrorKind::CommandNotFound, "crun: no such command"));
        }
        Ok((!options.detach).then(|| self.echo(id, id != "quiet")))
    }
    async fn inspect(&self, id: &str) -> Result<ExecInspect> {
        self.note(id, format!("exec inspect {id}"))?;
        Ok(session(id, self.terminal))
    }
    async fn wait(&self, id: &str) -> Result<i32> {
        self.note(id, format!("exec wait {id}"))?;
        Ok(4)
    }
    async fn resize(&self, id: &str, size: TerminalSize) -> Result<()> {
        self.note(id, format!("exec resize {id} {size:?}"))
    }
    async fn remove(&self, id: &str, force: bool) -> Result<()> {
        self.note(id, format!("exec remove {id} {force}"))
    }
}

#[async_trait]
impl Images for FakeEngine {
    async fn pull(&self, name: &str, options: PullOptions) -> Result<ValueStream<Progress<PullReport>>> {
        self.note(
            name,
            format!(
                "pull {name} {options:?} {:?}",
                options.credentials.as_ref().map(|found| &found.password)
            ),
        )?;
        let mut events: Vec<Result<Progress<PullReport>>> = progress().into_iter().map(Ok).collect();
        if name == "half" {
            events.pop();
            events.push(Err(Error::new(ErrorKind::Unauthorized, "denied")));
        }
        Ok(Box::pin(stream::iter(events)))
    }
    async fn list(&self, options: ImageListOptions) -> Result<Vec<ImageSummary>> {
        self.note("", format!("images {options:?}"))?;
        Ok(vec![image_row()])
    }
    async fn inspect(&self, name: &str) -> Result<ImageInspect> {
        self.note(name, format!("image inspect {name}"))?;
        Ok(image())
    }
    async fn history(&self, name: &str) -> Result<Vec<ImageHistoryRow>> {
        self.note(name, format!("history {name}"))?;
        Ok(vec![ImageHistoryRow {
            id: "a".repeat(64),
            created_by: "sh".into(),
            ..ImageHistoryRow::default()
        }])
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("image exists {name}"))?;
        Ok(name == "quay.io/a/b:1")
    }
    async fn remove(&self, names: Vec<String>, options: ImageRemoveOptions) -> Result<ImageRemoveReport> {
        self.note("", format!("image remove {names:?} {options:?}"))?;
        if names.iter().any(|name| name == BROKEN) {
            return Ok(ImageRemoveReport {
                errors: vec!["broken: image is in use".into()],
                exit_code: 2,
                ..ImageRemoveReport::default()
            });
        }
        Ok(ImageRemoveReport {
            untagged: vec!["localhost/image:1".into()],
            deleted: vec!["a".repeat(64)],
            ..ImageRemoveReport::default()
        })
    }
    async fn tag(&self, name: &str, new_name: &str) -> Result<()> {
        self.note(name, format!("tag {name} {new_name}"))
    }
    async fn untag(&self, name: &str, names: Vec<String>) -> Result<()> {
        self.note(name, format!("untag {name} {names:?}"))
    }
    async fn load(&self, archive: ByteStream) -> Result<LoadReport> {
        let length = all_of(archive).await?;
        self.note("", format!("load {length}"))?;
        Ok(LoadReport { names: vec!["localhost/image:1".into()] })
    }
    async fn save(&self, names: Vec<String>, options: SaveOptions) -> Result<ByteStream> {
        self.note(names.first().map_or("", String::as_str), format!("save {names:?} {options:?}"))?;
        let pieces = [Ok(Bytes::from_static(b"archive ")), Ok(Bytes::from(vec![b'x'; 100_000]))];
        if names[0] == "half" {
            let [first, _] = pieces;
            return Ok(Box::pin(stream::iter([first, Err(Error::internal("the layer is gone"))])));
        }
        if names[0] == "nothing" {
            return Ok(Box::pin(stream::iter([Err(Error::internal("the layer is gone"))])));
        }
        Ok(Box::pin(stream::iter(pieces)))
    }
    async fn import(&self, archive: ByteStream, options: ImportOptions) -> Result<String> {
        let length = all_of(archive).await?;
        self.note("", format!("import {length} {options:?}"))?;
        Ok("a".repeat(64))
    }
}

#[async_trait]
impl Volumes for FakeEngine {
    async fn create(&self, options: VolumeCreateOptions) -> Result<Volume> {
        self.note(&options.name, format!("volume create {options:?}"))?;
        Ok(volume(&options.name))
    }
    async fn list(&self, options: VolumeListOptions) -> Result<Vec<Volume>> {
        self.note("", format!("volumes {options:?}"))?;
        Ok(vec![volume("v")])
    }
    async fn inspect(&self, name: &str) -> Result<Volume> {
        self.note(name, format!("volume inspect {name}"))?;
        Ok(volume(name))
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("volume exists {name}"))?;
        Ok(name == "v")
    }
    async fn remove(&self, name: &str, options: VolumeRemoveOptions) -> Result<()> {
        self.note(name, format!("volume remove {name} {options:?}"))
    }
}

#[async_trait]
impl Networks for FakeEngine {
    async fn create(&self, network: Network, options: NetworkCreateOptions) -> Result<Network> {
        self.note(
            &network.name,
            format!("network create {} {options:?}", serde_json::to_string(&network).unwrap()),
        )?;
        Ok(network)
    }
    async fn list(&self, options: NetworkListOptions) -> Result<Vec<Network>> {
        self.note("", format!("networks {options:?}"))?;
        Ok(vec![network("podman")])
    }
    async fn inspect(&self, name: &str) -> Result<NetworkInspect> {
        self.note(name, format!("network inspect {name}"))?;
        Ok(network_inspect(name))
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("network exists {name}"))?;
        Ok(name == "n")
    }
    async fn remove(&self, name: &str, force: bool) -> Result<()> {
        self.note(name, format!("network remove {name} {force}"))
    }
}

#[async_trait]
impl System for FakeEngine {
    async fn ping(&self) -> Result<Ping> {
        self.note("", "ping".into())?;
        Ok(Ping::default())
    }
    async fn version(&self) -> Result<Version> {
        Ok(version())
    }
    async fn info(&self) -> Result<Info> {
        let host = serde_json::json!({"hostname": "h", "cpus": 2});
        Ok(Info {
            host: host.as_object().cloned().unwrap_or_default(),
            version: version(),
            ..Info::default()
        })
    }
    async fn events(&self, options: EventOptions) -> Result<ValueStream<Event>> {
        self.note("", format!("events {options:?}"))?;
        let events = stream::iter([Ok(event("died")), Ok(event("remove"))]);
        if options.stream {
            let token = self.token();
            return Ok(Box::pin(
                events.chain(stream::pending().inspect(move |_| drop(Arc::clone(&token.0)))),
            ));
        }
        Ok(Box::pin(events))
    }
}
