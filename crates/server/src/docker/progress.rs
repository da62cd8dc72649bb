//! Docker's lines of progress, for pull, push, load and import.

use cove_api::{BlobPhase, BlobProgress, Error, Progress, ValueStream};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use super::registry::refused;
use crate::error::Answer;

/// A line of progress.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) progress_detail: Option<Detail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aux: Option<Pushed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_detail: Option<ErrorDetail>,
}

/// What a push ends with.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Pushed {
    pub(super) tag: String,
    pub(super) digest: String,
    pub(super) size: u64,
}

/// How far a blob is, in bytes.
#[derive(Default, Serialize)]
pub(super) struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct ErrorDetail {
    message: String,
}

/// What Docker says of a blob in each phase; its command line draws the first as a bar.
pub(super) struct Words {
    copying: &'static str,
    exists: &'static str,
    done: &'static str,
}

impl Words {
    pub(super) const PULL: Self =
        Self { copying: "Downloading", exists: "Already exists", done: "Pull complete" };
    pub(super) const PUSH: Self = Self { copying: "Pushing", exists: "Layer already exists", done: "Pushed" };
}

impl Line {
    /// A line for people.
    pub(super) fn status(text: String) -> Self {
        Self { status: Some(text), ..Self::default() }
    }

    fn blob(blob: &BlobProgress, words: &Words) -> Self {
        let (status, detail) = match blob.phase {
            BlobPhase::Copying => {
                (words.copying, Detail { current: Some(blob.current), total: blob.total.into() })
            }
            BlobPhase::Exists => (words.exists, Detail::default()),
            BlobPhase::Done => (words.done, Detail::default()),
        };
        Self {
            id: Some(short(&blob.digest)),
            progress_detail: Some(detail),
            ..Self::status(status.to_owned())
        }
    }
}

impl From<Error> for Line {
    fn from(Error { message, .. }: Error) -> Self {
        Self { error: Some(message.clone()), error_detail: Some(ErrorDetail { message }), ..Self::default() }
    }
}

/// The first letters of a digest, as Docker shows them.
pub(super) fn short(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}

/// Most messages that are kept before the first step of another kind.
const MOST_MESSAGES: usize = 100;

/// Waits for the first step that is more than a message, so that the failure to find what is asked for is the answer's
/// status. Docker tells nothing before it knows the image, and clients such as dockerode look at no line for errors.
pub(super) async fn of_known<R: Send + 'static>(
    mut progress: ValueStream<Progress<R>>,
) -> Answer<ValueStream<Progress<R>>> {
    let mut steps = Vec::new();
    while let Some(step) = progress.next().await.transpose().map_err(refused)? {
        let is_message = matches!(step, Progress::Message(_));
        steps.push(Ok(step));
        if !is_message || steps.len() == MOST_MESSAGES {
            break;
        }
    }
    Ok(Box::pin(stream::iter(steps).chain(progress)))
}

/// A line for each step, and those that `end` makes of the report. The first step decides between an error status and
/// a stream.
pub(super) async fn lines<R: Send + 'static>(
    mut progress: ValueStream<Progress<R>>,
    words: Words,
    end: impl Fn(R) -> Vec<Line> + Send + 'static,
) -> Answer {
    let first = match progress.next().await {
        Some(Err(error)) => return Err(refused(error).into()),
        first => first,
    };
    let line = move |event| match event {
        Ok(Progress::Message(text)) => vec![Line::status(text)],
        Ok(Progress::Blob(blob)) => vec![Line::blob(&blob, &words)],
        Ok(Progress::Done(report)) => end(report),
        Err(error) => vec![Line::from(error)],
    };
    let events = stream::iter(first).chain(progress);
    Ok(crate::stream::json_lines(events.flat_map(move |event| stream::iter(line(event).into_iter().map(Ok)))))
}
