//! `/build`, as Docker's classic builder has it.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use cove_api::endpoint::{BuildParameters, RegistryAuth, RegistryConfig};
use cove_api::{BuildOptions, BuildReport, Error, Progress};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::images::digest;
use super::parameters::Query;
use super::progress::short;
use crate::error::Answer;
use crate::router::EngineState;

pub(super) fn routes() -> Router<EngineState> {
    Router::new().route("/build", post(build))
}

/// Which builder is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Builder {
    /// 1 is the classic one, 2 is BuildKit.
    version: String,
}

async fn build(
    State(engine): State<EngineState>,
    Query(builder): Query<Builder>,
    Query(parameters): Query<BuildParameters>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    if builder.version == "2" {
        let text = "parameter version: BuildKit's clients build over /grpc and /session (docker buildx build); here the builder is version 1: set DOCKER_BUILDKIT=0";
        return Err(Error::unsupported(text).into());
    }
    let mut access = RegistryAuth::of(&headers)?.into_access();
    access.registries.extend(RegistryConfig::of(&headers)?);
    let context = parameters.context(crate::stream::upload(body))?;
    let options = BuildOptions { access, ..parameters.options()? };
    let quiet = options.quiet;
    let mut progress = engine.images().build(context, options).await?;
    // What is wrong with the request has a status of its own.
    let first = match progress.next().await {
        Some(Err(error)) => return Err(error.into()),
        first => first,
    };
    let events = stream::iter(first).chain(progress);
    let lines = events.flat_map(move |event| stream::iter(lines(event, quiet).into_iter().map(Ok)));
    Ok(crate::stream::json_lines(lines))
}

fn lines(event: cove_api::Result<Progress<BuildReport>>, quiet: bool) -> Vec<Value> {
    let failed = |message: String, code: Option<i32>| {
        let mut detail = json!({"message": message});
        if let Some(code) = code {
            detail["code"] = code.into();
        }
        vec![json!({"errorDetail": detail, "error": message})]
    };
    match event {
        Ok(Progress::Message(text)) => vec![json!({"stream": format!("{text}\n")})],
        Ok(Progress::Blob(_)) => Vec::new(),
        Ok(Progress::Done(BuildReport { id, failed: None, .. })) => {
            // Docker's command line prints the one line of a quiet build as the id.
            let told = match quiet {
                true => format!("{}\n", digest(&id)),
                false => format!("Successfully built {}\n", short(&id)),
            };
            vec![json!({"aux": {"ID": digest(&id)}}), json!({"stream": told})]
        }
        Ok(Progress::Done(BuildReport { failed: Some(step), .. })) => failed(step.message, Some(step.code)),
        Err(error) => failed(error.message, None),
    }
}

#[cfg(test)]
mod tests {
    use cove_api::FailedStep;

    use super::*;

    #[test]
    fn lines_are_dockers() {
        let id = "a".repeat(64);
        let done = lines(Ok(Progress::Done(BuildReport { id: id.clone(), ..BuildReport::default() })), false);
        assert_eq!(done[0], json!({"aux": {"ID": format!("sha256:{id}")}}));
        assert_eq!(done[1], json!({"stream": "Successfully built aaaaaaaaaaaa\n"}));
        let failed = FailedStep { code: 3, message: "exit status 3".into() };
        let failed =
            lines(Ok(Progress::Done(BuildReport { failed: Some(failed), ..BuildReport::default() })), false);
        assert_eq!(failed[0]["errorDetail"]["code"], 3);
        assert_eq!(failed[0]["error"], "exit status 3");
    }
}
