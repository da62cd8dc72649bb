//! `/pods`.

use async_trait::async_trait;
use http::{Response, StatusCode};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Asked, Described, Exists, Received, Reply, read_error, read_json, read_whole};
use super::body::Json;
use super::declare::{Endpoint, delete, get, post};
use super::parameters::Nothing;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::signal::Signal;
use crate::wire::NotDone;
use crate::{
    ByteStream, Error, ErrorKind, PodCopyOptions, PodCreateReport, PodInspect, PodListOptions,
    PodPruneReport, PodRemoveOptions, PodRemoveReport, PodReport, PodSpec, PodStats, PodStatsOptions,
    PodStopOptions, PodSummary, Pods, Result, TopReport,
};

type Named<Q, A> = Endpoint<String, Q, (), A>;

const CREATE: Endpoint<(), Nothing, Json<PodSpec>, Json<PodCreateReport>> =
    post("/pods/create", "Make a pod").status(StatusCode::CREATED);
const LIST: Endpoint<(), PodListOptions, (), Json<Vec<PodSummary>>> =
    get("/pods/json", "List pods, oldest first");
const INSPECT: Named<Nothing, Json<PodInspect>> = get("/pods/{name}/json", "All about a pod");
const EXISTS: Named<Nothing, Exists> =
    get("/pods/{name}/exists", "Whether a pod exists").status(StatusCode::NO_CONTENT);
const START: Named<Nothing, Done> = post("/pods/{name}/start", "Start the containers of a pod");
const STOP: Named<PodStopOptions, Done> = post("/pods/{name}/stop", "Stop the containers of a pod");
const RESTART: Named<Nothing, Done> = post("/pods/{name}/restart", "Stop and start the containers of a pod");
const KILL: Named<Kill, Done> = post("/pods/{name}/kill", "Send a signal to the containers of a pod");
const PAUSE: Named<Nothing, Done> = post("/pods/{name}/pause", "Freeze the containers of a pod");
const UNPAUSE: Named<Nothing, Done> = post("/pods/{name}/unpause", "Thaw the containers of a pod");
const REMOVE: Named<PodRemoveOptions, Removed> = delete("/pods/{name}", "Remove a pod with its containers");
const PRUNE: Endpoint<(), Nothing, (), Json<Vec<PodPruneReport>>> =
    post("/pods/prune", "Remove the pods of which nothing runs any more");
const TOP: Named<Top, Json<TopReport>> = get("/pods/{name}/top", "The processes of a pod");

const STATS: Endpoint<(), PodStatsOptions, (), Json<Vec<PodStats>>> =
    get("/pods/stats", "What the running containers of pods use");
const COPY: Endpoint<String, Nothing, Json<PodCopyOptions>, Json<PodCreateReport>> =
    post("/pods/{name}/clone", "Make a pod like another").status(StatusCode::CREATED);

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

/// What came of it: with status 409 where it failed with a container.
struct Done(PodReport);

impl Answer for Done {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let status = if self.0.errs.is_empty() { asked.status } else { StatusCode::CONFLICT };
        Json(self.0).reply(&Asked { status, version: asked.version.clone() }).await
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Json::<PodReport>::describe(schemas)
    }
}

impl Received for Done {
    fn accepts(status: StatusCode) -> bool {
        status.as_u16() < 400 || status == StatusCode::CONFLICT
    }
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        Ok(Self(answered(response).await?))
    }
}

/// What became of it: with status 409, and the words that clients look for, where something is still there.
struct Removed(PodRemoveReport);

impl Answer for Removed {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let Some(message) = self.0.err.clone() else { return Json(self.0).reply(asked).await };
        let status = StatusCode::CONFLICT;
        let mut body =
            serde_json::to_value(&self.0).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
        body["message"] = message.clone().into();
        body["cause"] = message.into();
        body["response"] = status.as_u16().into();
        Json(body).reply(&Asked { status, version: asked.version.clone() }).await
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Json::<PodRemoveReport>::describe(schemas)
    }
}

impl Received for Removed {
    fn accepts(status: StatusCode) -> bool {
        status.as_u16() < 400 || status == StatusCode::CONFLICT
    }
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        Ok(Self(answered(response).await?))
    }
}

/// The report in an answer, or the error where it is none: peers give both the same status. An answer that nothing was
/// to be done (304) is a report of nothing.
async fn answered<T: Default + serde::de::DeserializeOwned>(response: Response<ByteStream>) -> Result<T> {
    let status = response.status();
    let body = read_whole(response).await?;
    match status {
        StatusCode::NOT_MODIFIED => Ok(T::default()),
        StatusCode::CONFLICT if !has_id(&body) => Err(read_error(status, &body)),
        _ => read_json(&body),
    }
}

/// Whether a body is a report and not an error.
fn has_id(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|body| body.get("Id").is_some())
}

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(CREATE, |engine, Call { body: Json(spec), .. }| async move {
        engine.pods().create(spec).await.map(Json)
    });
    routes.add(LIST, |engine, Call { parameters, .. }| async move {
        engine.pods().list(parameters).await.map(Json)
    });
    routes.add(INSPECT, |engine, Call { path: name, .. }| async move {
        engine.pods().inspect(&name).await.map(Json)
    });
    routes.add(EXISTS, |engine, Call { path: name, .. }| async move {
        Ok(Exists::new(engine.pods().exists(&name).await?, "pod", &name))
    });
    routes.add(
        START,
        |engine, Call { path: name, .. }| async move { engine.pods().start(&name).await.map(Done) },
    );
    routes.add(STOP, |engine, Call { path: name, parameters, .. }| async move {
        engine.pods().stop(&name, parameters).await.map(Done)
    });
    routes.add(RESTART, |engine, Call { path: name, .. }| async move {
        engine.pods().restart(&name).await.map(Done)
    });
    routes.add(KILL, |engine, Call { path: name, parameters, .. }| async move {
        engine.pods().kill(&name, parameters.signal.0).await.map(Done)
    });
    routes.add(
        PAUSE,
        |engine, Call { path: name, .. }| async move { engine.pods().pause(&name).await.map(Done) },
    );
    routes.add(UNPAUSE, |engine, Call { path: name, .. }| async move {
        engine.pods().unpause(&name).await.map(Done)
    });
    routes.add(REMOVE, |engine, Call { path: name, parameters, .. }| async move {
        engine.pods().remove(&name, parameters).await.map(Removed)
    });
    routes.add(PRUNE, |engine, _| async move { engine.pods().prune().await.map(Json) });
    routes.add(TOP, |engine, Call { path: name, parameters, .. }| async move {
        engine.pods().top(&name, parameters.ps_args).await.map(Json)
    });
    routes.add(STATS, |engine, Call { parameters, .. }| async move {
        engine.pods().stats(parameters).await.map(Json)
    });
    routes.add(COPY, |engine, Call { path: name, body: Json(options), .. }| async move {
        engine.pods().copy(&name, options).await.map(Json)
    });
}

#[async_trait]
impl<T: Transport + 'static> Pods for Remote<T> {
    async fn create(&self, spec: PodSpec) -> Result<PodCreateReport> {
        self.call(CREATE, (), Nothing {}, Json(spec)).await.map(|Json(report)| report)
    }
    /// A service has no route for it: what it refuses comes with `create`.
    async fn check(&self, _: PodSpec) -> Result<()> {
        Ok(())
    }
    async fn list(&self, options: PodListOptions) -> Result<Vec<PodSummary>> {
        self.call(LIST, (), options, ()).await.map(|Json(rows)| rows)
    }
    async fn inspect(&self, name: &str) -> Result<PodInspect> {
        self.call(INSPECT, name, Nothing {}, ()).await.map(|Json(pod)| pod)
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.call(EXISTS, name, Nothing {}, ()).await.map(|exists| exists.found)
    }
    async fn start(&self, name: &str) -> Result<PodReport> {
        self.call(START, name, Nothing {}, ()).await.map(|Done(report)| report)
    }
    async fn stop(&self, name: &str, options: PodStopOptions) -> Result<PodReport> {
        self.call(STOP, name, options, ()).await.map(|Done(report)| report)
    }
    async fn restart(&self, name: &str) -> Result<PodReport> {
        self.call(RESTART, name, Nothing {}, ()).await.map(|Done(report)| report)
    }
    async fn kill(&self, name: &str, signal: i32) -> Result<PodReport> {
        self.call(KILL, name, Kill { signal: Signal(signal) }, ()).await.map(|Done(report)| report)
    }
    async fn pause(&self, name: &str) -> Result<PodReport> {
        self.call(PAUSE, name, Nothing {}, ()).await.map(|Done(report)| report)
    }
    async fn unpause(&self, name: &str) -> Result<PodReport> {
        self.call(UNPAUSE, name, Nothing {}, ()).await.map(|Done(report)| report)
    }
    async fn remove(&self, name: &str, options: PodRemoveOptions) -> Result<PodRemoveReport> {
        self.call(REMOVE, name, options, ()).await.map(|Removed(report)| report)
    }
    async fn prune(&self) -> Result<Vec<PodPruneReport>> {
        self.call(PRUNE, (), Nothing {}, ()).await.map(|Json(reports)| reports)
    }
    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport> {
        let parameters = Top { ps_args: descriptors, ..Top::default() };
        self.call(TOP, name, parameters, ()).await.map(|Json(report)| report)
    }
    async fn stats(&self, options: PodStatsOptions) -> Result<Vec<PodStats>> {
        self.call(STATS, (), options, ()).await.map(|Json(rows)| rows)
    }
    async fn copy(&self, name: &str, options: PodCopyOptions) -> Result<PodCreateReport> {
        self.call(COPY, name, Nothing {}, Json(options)).await.map(|Json(report)| report)
    }
}
