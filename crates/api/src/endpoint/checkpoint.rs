//! Checkpoints of `/containers`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::{HeaderName, HeaderValue, Response, header};
use schemars::SchemaGenerator;

use super::answer::{Answer, Asked, Described, JSON, Received, Reply};
use super::body::{Archive, Json};
use super::declare::{Endpoint, post};
use super::serve::{Call, Routes};
use crate::{
    ByteStream, CheckpointOptions, CheckpointReport, Checkpointed, Error, ErrorKind, RestoreArchives,
    RestoreOptions, RestoreReport, Result,
};

pub(super) const CHECKPOINT: Endpoint<String, CheckpointOptions, (), Checkpointed> =
    post("/containers/{name}/checkpoint", "Write the processes of a container to the disk");
pub(super) const RESTORE: Endpoint<String, RestoreOptions, Archive, Json<RestoreReport>> =
    post("/containers/{name}/restore", "Have a container go on from a checkpoint");

/// The header with what is known of a checkpoint whose archive is the body: base64 of JSON. An extension of this
/// service.
const REPORT: HeaderName = HeaderName::from_static("x-container-checkpoint-report");

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(CHECKPOINT, |engine, Call { path: name, parameters, .. }| async move {
        parameters.check()?;
        engine.containers().checkpoint(&name, parameters).await
    });
    routes.add(RESTORE, |engine, Call { path: name, parameters, body: Archive(archive) }| async move {
        let checkpoint = parameters.import.then_some(archive);
        let archives = RestoreArchives { checkpoint, previous: None };
        engine.containers().restore(&name, parameters, archives).await.map(Json)
    });
}

/// The body of a request to restore.
///
/// # Errors
/// There is an archive for which a service has no place.
pub(super) fn body(archives: RestoreArchives) -> Result<Archive> {
    if archives.previous.is_some() {
        return Err(Error::unsupported("--import-previous is not supported on the remote client"));
    }
    Ok(Archive(archives.checkpoint.unwrap_or_else(|| Box::pin(futures_util::stream::empty()))))
}

/// The report, or the archive where that was asked for.
impl Answer for Checkpointed {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let Some(archive) = self.archive else { return Json(self.report).reply(asked).await };
        let text = serde_json::to_vec(&self.report)
            .map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
        let header = HeaderValue::from_str(&URL_SAFE.encode(text))
            .map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
        let mut reply = Archive(archive).reply(asked).await?;
        if let Reply::Message(response) = &mut reply {
            response.headers_mut().insert(REPORT, header);
        }
        Ok(reply)
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Json::<CheckpointReport>::describe(schemas)
    }
}

impl Received for Checkpointed {
    async fn receive(response: Response<ByteStream>) -> Result<Self> {
        // What is no report is the archive; Podman's services call it `application/octet`.
        let kind = response.headers().get(header::CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(JSON.as_bytes())) {
            let Json(report) = Json::receive(response).await?;
            return Ok(Self { report, archive: None });
        }
        // Podman's services send none.
        let report = response.headers().get(REPORT).map(read).transpose()?.unwrap_or_default();
        Ok(Self { report, archive: Some(response.into_body()) })
    }
}

fn read(header: &HeaderValue) -> Result<CheckpointReport> {
    let wrong = || Error::internal(format!("the service sent a header {REPORT} that cannot be understood"));
    let bytes = URL_SAFE.decode(header.as_bytes()).map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map_err(|_| wrong())
}
