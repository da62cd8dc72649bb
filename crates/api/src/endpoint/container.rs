//! `/containers`.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};

use super::answer::{Answer, Asked, Attached, Code, Described, Exists, Log, Received, Reply};
use super::body::Json;
use super::checkpoint::{self, CHECKPOINT, RESTORE};
use super::declare::{Endpoint, delete, get, post};
use super::parameters::{Both, Nothing};
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::signal::Signal;
use crate::wire::NotDone;
use crate::{
    AttachOptions, AttachStream, ByteStream, CheckpointOptions, Checkpointed, ContainerClone,
    ContainerCreateReport, ContainerInspect, ContainerRemoveReport, ContainerSpec, ContainerStats,
    ContainerSummary, ContainerUpdate, Containers, Engine, Error, ErrorKind, InspectHealth, ListOptions,
    LogLine, LogOptions, OutputChunk, PruneOptions, PruneReport, RemoveOptions, RestartUpdate,
    RestoreArchives, RestoreOptions, RestoreReport, Result, StatsOptions, StopOptions, TerminalSize,
    TopReport, ValueStream, WaitOptions,
};

type Named<Q, A> = Endpoint<String, Q, (), A>;

const CREATE: Endpoint<(), Nothing, Json<ContainerSpec>, Json<ContainerCreateReport>> =
    post("/containers/create", "Make a container; its image must be in the store")
        .status(StatusCode::CREATED);
const LIST: Endpoint<(), Both<ListOptions, Pods>, (), Json<Vec<ContainerSummary>>> =
    get("/containers/json", "List containers, oldest first");
const INSPECT: Named<Size, Inspected> = get("/containers/{name}/json", "All about a container");
const EXISTS: Named<External, Exists> =
    get("/containers/{name}/exists", "Whether a container exists").status(StatusCode::NO_CONTENT);
const START: Named<Detach, ()> =
    post("/containers/{name}/start", "Start a container").status(StatusCode::NO_CONTENT);
const STOP: Named<StopOptions, ()> =
    post("/containers/{name}/stop", "Stop a container: its stop signal, then SIGKILL")
        .status(StatusCode::NO_CONTENT);
const RESTART: Named<StopOptions, ()> =
    post("/containers/{name}/restart", "Stop and start a container").status(StatusCode::NO_CONTENT);
const KILL: Named<Kill, ()> =
    post("/containers/{name}/kill", "Send a signal to a container").status(StatusCode::NO_CONTENT);
const PAUSE: Named<Nothing, ()> =
    post("/containers/{name}/pause", "Freeze a container").status(StatusCode::NO_CONTENT);
const UNPAUSE: Named<Nothing, ()> =
    post("/containers/{name}/unpause", "Thaw a container").status(StatusCode::NO_CONTENT);
const UPDATE: Endpoint<String, Restart, Json<ContainerUpdate>, Json<String>> =
    post("/containers/{name}/update", "Change limits, environment and restart policy of a container")
        .status(StatusCode::CREATED);
const RENAME: Named<Rename, ()> =
    post("/containers/{name}/rename", "Give a container a new name").status(StatusCode::NO_CONTENT);
const REMOVE: Named<RemoveOptions, Json<Vec<ContainerRemoveReport>>> =
    delete("/containers/{name}", "Remove a container");
const PRUNE: Endpoint<(), PruneOptions, (), Json<Vec<PruneReport>>> =
    post("/containers/prune", "Remove the containers that do not run");
const WAIT: Named<Both<WaitOptions, Interval>, Code> =
    post("/containers/{name}/wait", "Wait for a container's end or a condition, and answer its exit code");
const LOGS: Named<Both<LogOptions, Times>, Log> = get("/containers/{name}/logs", "A container's log");
const ATTACH: Named<Both<AttachOptions, Follow>, Attached> =
    post("/containers/{name}/attach", "Connect to a container's streams");
const RESIZE: Named<Resize, ()> = post("/containers/{name}/resize", "Tell a container's terminal its size");
const STATS: Endpoint<(), StatsOptions, (), Samples> =
    get("/containers/stats", "What containers use, in samples");
const INIT: Named<Nothing, ()> =
    post("/containers/{name}/init", "Prepare the start of a container").status(StatusCode::NO_CONTENT);
const TOP: Named<Top, Json<TopReport>> = get("/containers/{name}/top", "A container's processes");

/// The parameter of list that asks for nothing: the names of pods are always there.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Pods {
    /// No longer needed.
    pod: bool,
}

/// Parameters of exists.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct External {
    /// Also a container that another tool keeps in the store.
    external: NotDone<bool>,
}

/// Parameters of start, which asks for nothing: this request attaches nothing that could be detached from.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Detach {
    /// Keys that detach.
    #[serde(rename = "detachKeys")]
    detach_keys: String,
}

/// The parameter of wait that asks for nothing: the engine is told of changes and does not look again and again.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Interval {
    /// The pause between two looks, such as `250ms`.
    #[serde(deserialize_with = "span")]
    interval: String,
}

/// A span as Go writes it.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if !text.is_empty() {
        crate::time::signed_duration(&text).map_err(serde::de::Error::custom)?;
    }
    Ok(text)
}

/// Parameters of inspect.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Size {
    /// Also compute its disk use.
    size: bool,
}

/// Parameters of kill.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Kill {
    /// A name or a number.
    #[serde(default = "kill")]
    signal: Signal,
}

fn kill() -> Signal {
    Signal(9)
}

/// Parameters of update.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
struct Restart {
    /// The new restart policy; empty leaves it.
    restart_policy: String,
    /// Attempts of `on-failure`.
    restart_retries: u32,
}

impl Restart {
    fn update(self) -> Result<Option<RestartUpdate>> {
        match (self.restart_policy.as_str(), self.restart_retries) {
            ("", 0) => Ok(None),
            ("", _) => Err(Error::invalid("cannot set restart retries unless restart policy is set")),
            ("on-failure", _) | (_, 0) => {
                Ok(Some(RestartUpdate { policy: self.restart_policy, tries: self.restart_retries }))
            }
            _ => Err(Error::invalid("cannot set restart retries unless restart policy is on-failure")),
        }
    }
}

/// Parameters of rename.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Rename {
    /// The new name.
    name: String,
}

/// The parameter of logs that is for the service alone.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Times {
    /// Send each line with its time.
    timestamps: bool,
}

/// The parameter of attach that is for the service alone.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Follow {
    /// Go on with what comes; without it only the log is sent.
    #[serde(default = "yes")]
    stream: bool,
}

fn yes() -> bool {
    true
}

/// Parameters of the two resizes.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Resize {
    /// Rows.
    h: u16,
    /// Columns.
    w: u16,
    /// A process that does not run is no error.
    running: bool,
}

impl Resize {
    pub(super) fn size(&self) -> TerminalSize {
        TerminalSize { width: self.w, height: self.h }
    }

    /// `result`, or success where the process does not run and that is no error.
    pub(super) fn judge(&self, result: Result<()>) -> Result<()> {
        match result {
            Err(error) if self.running && error.kind == ErrorKind::WrongState => Ok(()),
            result => result,
        }
    }
}

impl From<TerminalSize> for Resize {
    fn from(size: TerminalSize) -> Self {
        Self { h: size.height, w: size.width, running: false }
    }
}

/// Parameters of top.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Top {
    /// Column names of ps(1).
    #[serde(deserialize_with = "crate::wire::query::commas")]
    ps_args: Vec<String>,
    /// Send it again and again.
    stream: NotDone<bool>,
    /// Seconds between two of a stream.
    delay: u32,
}

const HEALTHCHECK: Endpoint<String, Nothing, (), Json<InspectHealth>> =
    get("/containers/{name}/healthcheck", "Run the health check of a container now");

pub(super) fn serve(routes: &mut impl Routes) {
    checkpoint::serve(routes);
    routes.add(HEALTHCHECK, |engine, Call { path: name, .. }| async move {
        engine.containers().healthcheck(&name).await.map(Json)
    });
    routes.add(CREATE, |engine, Call { body: Json(spec), .. }| async move {
        spec.check_for_service()?;
        engine.containers().create(spec).await.map(Json)
    });
    routes.add(LIST, |engine, Call { parameters, .. }| async move {
        engine.containers().list(parameters.0).await.map(Json)
    });
    routes.add(INSPECT, |engine, Call { path: name, parameters, .. }| async move {
        engine.containers().inspect(&name, parameters.size).await.map(Inspected)
    });
    routes.add(EXISTS, |engine, Call { path: name, .. }| async move {
        Ok(Exists::new(engine.containers().exists(&name).await?, "container", &name))
    });
    routes
        .add(START, |engine, Call { path: name, .. }| async move { engine.containers().start(&name).await });
    routes.add(STOP, |engine, Call { path: name, parameters, .. }| async move {
        engine.containers().stop(&name, parameters).await
    });
    routes.add(RESTART, |engine, Call { path: name, parameters, .. }| async move {
        engine.containers().restart(&name, parameters).await
    });
    routes.add(KILL, |engine, Call { path: name, parameters, .. }| async move {
        engine.containers().kill(&name, parameters.signal.0).await
    });
    routes
        .add(PAUSE, |engine, Call { path: name, .. }| async move { engine.containers().pause(&name).await });
    routes.add(
        UNPAUSE,
        |engine, Call { path: name, .. }| async move { engine.containers().unpause(&name).await },
    );
    routes.add(UPDATE, |engine, Call { path: name, parameters, body: Json(mut update) }| async move {
        update.restart = parameters.update()?;
        engine.containers().update(&name, update).await.map(Json)
    });
    routes.add(RENAME, |engine, Call { path: name, parameters, .. }| async move {
        engine.containers().rename(&name, &parameters.name).await
    });
    routes.add(REMOVE, |engine, Call { path: name, parameters, .. }| async move {
        engine.containers().remove(&name, parameters).await.map(Json)
    });
    routes.add(PRUNE, |engine, Call { parameters, .. }| async move {
        engine.containers().prune(parameters).await.map(Json)
    });
    routes.add(WAIT, |engine, Call { path: name, parameters, .. }| async move {
        engine.containers().wait(&name, parameters.0).await.map(Code)
    });
    routes.add(LOGS, |engine, Call { path: name, parameters: Both(options, times), .. }| async move {
        options.check()?;
        let lines = engine.containers().logs(&name, options).await?;
        Ok(Log { lines, timestamps: times.timestamps })
    });
    routes.add(ATTACH, |engine, Call { path: name, parameters: Both(options, follow), .. }| async move {
        let terminal = engine.containers().inspect(&name, false).await?.config.tty;
        let stream = if follow.stream {
            engine.containers().attach(&name, options).await?
        } else {
            replay(&*engine, &name, &options).await?
        };
        Ok(Attached { stream, terminal })
    });
    routes.add(RESIZE, |engine, Call { path: name, parameters, .. }| async move {
        parameters.judge(engine.containers().resize(&name, parameters.size()).await)
    });
    routes.add(STATS, |engine, Call { parameters, .. }| async move {
        engine.containers().stats(parameters).await.map(Samples)
    });
    routes.add(INIT, |engine, Call { path: name, .. }| async move { engine.containers().init(&name).await });
    routes.add(TOP, |engine, Call { path: name, parameters, .. }| async move {
        engine.containers().top(&name, parameters.ps_args).await.map(Json)
    });
}

/// The answer of stats: samples, one a line.
struct Samples(ValueStream<Vec<ContainerStats>>);

/// A line of it.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
struct Sample {
    /// Why there are no further ones.
    error: Option<String>,
    /// The containers.
    stats: Vec<ContainerStats>,
}

impl Answer for Samples {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let lines = self.0.map(|sample| {
            Ok(match sample {
                Ok(stats) => Sample { error: None, stats },
                Err(error) => Sample { error: Some(error.message), stats: Vec::new() },
            })
        });
        Ok(super::answer::lines(asked, lines))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Json::<Sample>::describe(schemas)
    }
}

impl Received for Samples {
    async fn receive(response: http::Response<ByteStream>) -> Result<Self> {
        let lines = super::answer::read_json_lines::<Sample>(response);
        Ok(Self(Box::pin(lines.map(|line| match line? {
            Sample { error: Some(message), .. } => Err(Error::internal(message)),
            Sample { stats, .. } => Ok(stats),
        }))))
    }
}

/// What attach sends where it does not go on with what comes: the log up to now.
///
/// # Errors
/// The log is not asked for, or neither of its streams; or the engine's.
pub async fn replay(engine: &dyn Engine, name: &str, options: &AttachOptions) -> Result<AttachStream> {
    if !options.logs {
        return Err(Error::invalid("at least one of stream and logs must be asked for"));
    }
    let options = LogOptions { stdout: options.stdout, stderr: options.stderr, ..LogOptions::default() };
    options.check()?;
    let lines = engine.containers().logs(name, options).await?;
    let output = lines.map(|line| {
        let line = line?;
        let data = super::frames::log_bytes(&line, false).freeze();
        Ok(OutputChunk { stream: line.stream, data })
    });
    Ok(AttachStream { input: None, output: Box::pin(output) })
}

/// The answer of inspect, which clients of version 4 read with other forms of two fields.
struct Inspected(ContainerInspect);

impl Answer for Inspected {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        if !asked.by_podman_4() {
            return Json(self.0).reply(asked).await;
        }
        let mut value =
            serde_json::to_value(&self.0).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
        let config = &self.0.config;
        value["Config"]["Entrypoint"] = config.entrypoint.join(" ").into();
        value["Config"]["StopSignal"] = crate::signal::parse(&config.stop_signal).unwrap_or(15).into();
        Json(value).reply(asked).await
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Json::<ContainerInspect>::describe(schemas)
    }
}

impl Received for Inspected {
    async fn receive(response: http::Response<ByteStream>) -> Result<Self> {
        Json::receive(response).await.map(|Json(container)| Self(container))
    }
}

#[async_trait]
impl<T: Transport + 'static> Containers for Remote<T> {
    async fn create(&self, spec: ContainerSpec) -> Result<ContainerCreateReport> {
        spec.check_for_service()?;
        self.call(CREATE, (), Nothing {}, Json(spec)).await.map(|Json(report)| report)
    }
    /// A service has no route for it: what it refuses itself comes with `create`.
    async fn check(&self, spec: ContainerSpec) -> Result<()> {
        spec.check_for_service()
    }
    async fn start(&self, name: &str) -> Result<()> {
        self.call(START, name, Detach::default(), ()).await
    }
    async fn stop(&self, name: &str, options: StopOptions) -> Result<()> {
        self.call(STOP, name, options, ()).await
    }
    async fn restart(&self, name: &str, options: StopOptions) -> Result<()> {
        self.call(RESTART, name, options, ()).await
    }
    async fn kill(&self, name: &str, signal: i32) -> Result<()> {
        self.call(KILL, name, Kill { signal: Signal(signal) }, ()).await
    }
    async fn pause(&self, name: &str) -> Result<()> {
        self.call(PAUSE, name, Nothing {}, ()).await
    }
    async fn unpause(&self, name: &str) -> Result<()> {
        self.call(UNPAUSE, name, Nothing {}, ()).await
    }
    async fn update(&self, name: &str, mut update: ContainerUpdate) -> Result<String> {
        let RestartUpdate { policy, tries } = update.restart.take().unwrap_or_default();
        let restart = Restart { restart_policy: policy, restart_retries: tries };
        self.call(UPDATE, name, restart, Json(update)).await.map(|Json(id)| id)
    }
    async fn clone_container(&self, _: &str, _: ContainerClone) -> Result<ContainerCreateReport> {
        Err(Error::unsupported("cloning a container is not supported on the remote client"))
    }
    async fn rename(&self, name: &str, new_name: &str) -> Result<()> {
        self.call(RENAME, name, Rename { name: new_name.to_owned() }, ()).await
    }
    async fn remove(&self, name: &str, options: RemoveOptions) -> Result<Vec<ContainerRemoveReport>> {
        self.call(REMOVE, name, options, ()).await.map(|Json(reports)| reports)
    }
    async fn list(&self, options: ListOptions) -> Result<Vec<ContainerSummary>> {
        self.call(LIST, (), Both(options, Pods::default()), ()).await.map(|Json(rows)| rows)
    }
    async fn inspect(&self, name: &str, size: bool) -> Result<ContainerInspect> {
        self.call(INSPECT, name, Size { size }, ()).await.map(|Inspected(container)| container)
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.call(EXISTS, name, External::default(), ()).await.map(|exists| exists.found)
    }
    async fn wait(&self, name: &str, options: WaitOptions) -> Result<i32> {
        self.call(WAIT, name, Both(options, Interval::default()), ()).await.map(|Code(code)| code)
    }
    async fn logs(&self, name: &str, options: LogOptions) -> Result<ValueStream<LogLine>> {
        let parameters = Both(options, Times { timestamps: true });
        self.call(LOGS, name, parameters, ()).await.map(|log| log.lines)
    }
    async fn attach(&self, name: &str, options: AttachOptions) -> Result<AttachStream> {
        // The service frames the output of containers without a terminal only.
        let terminal = Containers::inspect(self, name, false).await?.config.tty;
        let input = options.stdin;
        self.attach(ATTACH, name, Both(options, Follow { stream: true }), (), (terminal, input)).await
    }
    async fn resize(&self, name: &str, size: TerminalSize) -> Result<()> {
        self.call(RESIZE, name, size.into(), ()).await
    }
    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport> {
        let parameters = Top { ps_args: descriptors, ..Top::default() };
        self.call(TOP, name, parameters, ()).await.map(|Json(report)| report)
    }
    async fn stats(&self, options: StatsOptions) -> Result<ValueStream<Vec<ContainerStats>>> {
        self.call(STATS, (), options, ()).await.map(|Samples(samples)| samples)
    }
    async fn checkpoint(&self, name: &str, options: CheckpointOptions) -> Result<Checkpointed> {
        self.call(CHECKPOINT, name, options, ()).await
    }
    async fn restore(
        &self,
        name: &str,
        options: RestoreOptions,
        archives: RestoreArchives,
    ) -> Result<RestoreReport> {
        // A path has to have a name, also where the archive says whose it is.
        let name = if name.is_empty() { "import" } else { name };
        self.call(RESTORE, name, options, checkpoint::body(archives)?).await.map(|Json(report)| report)
    }
    async fn init(&self, name: &str) -> Result<()> {
        self.call(INIT, name, Nothing {}, ()).await
    }
    async fn prune(&self, options: PruneOptions) -> Result<Vec<PruneReport>> {
        self.call(PRUNE, (), options, ()).await.map(|Json(reports)| reports)
    }
    async fn healthcheck(&self, name: &str) -> Result<InspectHealth> {
        self.call(HEALTHCHECK, name, Nothing {}, ()).await.map(|Json(health)| health)
    }
    async fn cleanup(&self, name: &str) -> Result<()> {
        Err(Error::unsupported(format!("{name}: a service cleans its containers up by itself")))
    }
}
