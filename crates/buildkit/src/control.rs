//! `moby.buildkit.v1.Control`: builds that are asked for, and their progress.

use std::collections::HashMap;
use std::time::Duration;

use cove_api::Error;
use futures_util::stream;
use tokio::sync::oneshot;
use tonic::{Code, Status};

use crate::attributes::{Frontend, NO_CACHES};
use crate::builds::Build;
use crate::daemon::Daemon;
use crate::error::status;
use crate::grpc::Answers;
use crate::messages::{
    BuildkitVersion, CacheEntry, DiskUsageResponse, Empty, InfoResponse, ListWorkersResponse, Outcome,
    Platform, PruneRequest, ReturnRequest, Returned, SolveRequest, SolveResponse, StatusRequest,
    StatusResponse, UsageRecord, WorkerRecord,
};
use crate::mirror::Usage;
use crate::output::Output;
use crate::work::blocking;

/// Commands may use the host's network.
const NETWORK_HOST: &str = "network.host";
/// A cache that is part of the image.
const INLINE: &str = "inline";

impl Daemon {
    /// Builds, and waits for the end of it.
    pub(crate) async fn solve(&self, request: SolveRequest) -> Result<SolveResponse, Status> {
        let output = check(&request).and_then(|()| Output::of(&request)).map_err(status);
        // Also a build that is refused is known, and has ended: calls that are part of it come over the same connection.
        let known = output.clone().unwrap_or_default();
        let (entered, returned) = self.builds.enter(&request.reference, &request.session, known)?;
        output?;
        let build = &entered.build;
        if asks_for_inline_cache(&request) {
            let step = build.progress.begin("[internal] what is asked for");
            step.warn("a cache in the image (inline) is not written: only the engine's own is used");
            step.done();
        }
        if request.cache.as_ref().is_some_and(|cache| !cache.imports.is_empty()) {
            let step = build.progress.begin("[internal] caches elsewhere");
            step.warn(NO_CACHES);
            step.done();
        }
        let id = match request.frontend.as_str() {
            "" => self.of_client(build, returned).await?,
            frontend => {
                let frontend = Frontend::read(frontend, request.attributes).map_err(status)?;
                Some(self.build(frontend, build).await?)
            }
        };
        let exporter_response = match id {
            Some(id) => self.export(build, &id).await.map_err(status)?,
            None => HashMap::new(),
        };
        Ok(SolveResponse { exporter_response })
    }

    /// Builds what a frontend is asked for.
    pub(crate) async fn build(&self, frontend: Frontend, build: &Build) -> Result<String, Status> {
        let built = self.workshop.build(frontend, &build.output, &build.session, &build.progress);
        built.await.map_err(status)
    }

    /// What the client's own frontend has made: an image that the bridge has built, or nothing.
    async fn of_client(
        &self,
        build: &Build,
        returned: oneshot::Receiver<ReturnRequest>,
    ) -> Result<Option<String>, Status> {
        let session = self.workshop.sessions.find(&build.session).await?;
        let request = tokio::select! {
            request = returned => request.map_err(|_| Status::internal("the frontend's result is lost"))?,
            () = session.closed() => return Err(Status::cancelled("the client's session has ended")),
        };
        if let Some(error) = request.error {
            return Err(Status::new(Code::from_i32(error.code), error.message));
        }
        let name = match request.result.and_then(|Outcome { returned, .. }| returned) {
            Some(Returned::Plain(name)) => name,
            Some(Returned::One(reference)) => reference.id,
            Some(Returned::Many(references)) if references.all.is_empty() => String::new(),
            Some(Returned::Many(_)) => {
                return Err(status(Error::unsupported(
                    "results for several platforms are not supported yet",
                )));
            }
            None => String::new(),
        };
        if name.is_empty() {
            return Ok(None);
        }
        build
            .result(&name)
            .map(Some)
            .ok_or_else(|| Status::invalid_argument("the frontend returns what was not built"))
    }

    async fn export(&self, build: &Build, id: &str) -> cove_api::Result<HashMap<String, String>> {
        let Some(told) = build.output.told() else { return Ok(HashMap::new()) };
        let step = build.progress.begin(&told);
        let exported = build.output.export(&self.workshop, &build.session, id).await;
        match &exported {
            Ok(_) => step.done(),
            Err(error) => step.failed(&error.message),
        }
        exported
    }

    /// The progress of a build from its beginning to its end.
    pub(crate) async fn status(&self, request: StatusRequest) -> Result<Answers<StatusResponse>, Status> {
        Ok(self.builds.find(&request.reference).await?.progress.clone().follow())
    }

    /// The one worker.
    pub(crate) async fn workers(&self) -> Result<ListWorkersResponse, Status> {
        let info = self.workshop.engine.system().info().await.map_err(status)?;
        let host =
            |key: &str| info.host.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let platform = Platform { os: "linux".into(), architecture: host("arch"), variant: host("variant") };
        let labels = [("org.mobyproject.buildkit.worker.executor", "cove")];
        let worker = WorkerRecord {
            id: "cove".into(),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            platforms: vec![platform],
            version: Some(version()),
        };
        Ok(ListWorkersResponse { workers: vec![worker] })
    }

    /// The folders of clients that are kept.
    pub(crate) async fn usage(&self, _: Empty) -> Result<DiskUsageResponse, Status> {
        let mirrors = self.workshop.mirrors().await.map_err(status)?;
        let usage = blocking(move || Ok(mirrors.usage())).await.map_err(status)?;
        Ok(DiskUsageResponse { records: usage.into_iter().map(record).collect() })
    }

    /// Removes those that no build has.
    pub(crate) async fn prune(&self, request: PruneRequest) -> Result<Answers<UsageRecord>, Status> {
        if let Some(filter) = request.filters.iter().find(|filter| !filter.is_empty()) {
            return Err(status(Error::unsupported(format!("the filter {filter} is not supported"))));
        }
        if request.keep_bytes != 0 {
            return Err(status(Error::unsupported(
                "an amount of space to keep is not supported; use --filter until=24h",
            )));
        }
        let unused = Duration::from_nanos(u64::try_from(request.keep_duration).unwrap_or_default());
        let mirrors = self.workshop.mirrors().await.map_err(status)?;
        let freed = blocking(move || mirrors.prune(unused)).await.map_err(status)?;
        Ok(Box::pin(stream::iter(freed.into_iter().map(record).map(Ok))))
    }

    /// The builder.
    pub(crate) async fn info(&self, _: Empty) -> Result<InfoResponse, Status> {
        Ok(InfoResponse { version: Some(version()) })
    }
}

fn record(usage: Usage) -> UsageRecord {
    UsageRecord {
        id: format!("context-{}", usage.place),
        size: i64::try_from(usage.size).unwrap_or(i64::MAX),
        used: Some(usage.used.into()),
        description: "files of a client's build context".into(),
        kind: "source.local".into(),
        ..UsageRecord::default()
    }
}

fn version() -> BuildkitVersion {
    BuildkitVersion {
        package: "cove".into(),
        version: format!("v{}", env!("CARGO_PKG_VERSION")),
        revision: String::new(),
    }
}

/// What is asked for besides the build itself.
fn check(request: &SolveRequest) -> cove_api::Result<()> {
    let not_done = |what: &str| Err(Error::unsupported(format!("{what} is not supported")));
    if request.definition.as_ref().is_some_and(|definition| !definition.operations.is_empty()) {
        return not_done("a build by a graph of operations (LLB)");
    }
    if !request.inputs.is_empty() {
        return not_done("a build that begins with a graph of operations (LLB)");
    }
    if request.source_policy.is_some() {
        return not_done("a policy of sources");
    }
    if request.proxy_network {
        return not_done("a network through the client's proxy");
    }
    if let Some(other) = request.entitlements.iter().find(|entitlement| *entitlement != NETWORK_HOST) {
        return not_done(&format!("the entitlement {other}"));
    }
    // An inline one is left out, and the client is told so.
    match cache_exports(request).iter().find(|CacheEntry { kind, .. }| kind != INLINE) {
        Some(other) => not_done(&format!("a cache to type={}", other.kind)),
        None => Ok(()),
    }
}

fn cache_exports(request: &SolveRequest) -> &[CacheEntry] {
    request.cache.as_ref().map_or(&[], |cache| &cache.exports)
}

/// Whether the image is to carry what tells later builds elsewhere of its steps.
fn asks_for_inline_cache(request: &SolveRequest) -> bool {
    cache_exports(request).iter().any(|CacheEntry { kind, .. }| kind == INLINE)
}
