//! Answers that tell how long work goes on: a line for each step, and one at the end. An error after the head is a
//! line, too.

use futures_util::StreamExt as _;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Asked, Described, Received, Reply, lines, read_json_lines};
use crate::{
    BlobProgress, BuildReport, ByteStream, Error, ErrorKind, FailedStep, Progress, PullReport, PushReport,
    Result, ValueStream,
};

/// The steps of work that ends with an `R`.
pub(super) struct Steps<R> {
    pub(super) progress: ValueStream<Progress<R>>,
    pub(super) with_blobs: bool,
    pub(super) with_text: bool,
}

/// One of these lines. JSON: libpod's `ImagePullReport` and `ImagePushStream`; `blob`, `kind` and `manifestsize` are
/// ours, and Podman's clients pass over them.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Step {
    /// A line for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    /// Why it failed; the last line.
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
    /// The same as Docker's clients look for it.
    #[serde(rename = "errorDetail", skip_serializing_if = "Option::is_none")]
    error_detail: Option<ErrorDetail>,
    /// The kind of that error.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<ErrorKind>,
    /// How far a blob is.
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<BlobProgress>,
    /// Ids of the images that are there now; pull's last line.
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<Vec<String>>,
    /// The last of them; push's manifest.
    #[serde(skip_serializing_if = "String::is_empty", alias = "Id")]
    id: String,
    /// Digest of the manifest that was written; push's last line.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifestdigest: Option<String>,
    /// Its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifestsize: Option<u64>,
}

/// An error in parts.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct ErrorDetail {
    /// The exit code of a build's command.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    /// The text.
    message: String,
}

/// What the last line says.
pub(super) trait End: Sized + Send + 'static {
    /// As a line.
    fn line(self) -> Step;
    /// From a line; `None` where it is another one.
    fn of(line: &mut Step) -> Option<Self>;
}

impl End for PullReport {
    fn line(self) -> Step {
        let id = self.images.last().cloned().unwrap_or_default();
        Step { id, images: Some(self.images), ..Step::default() }
    }
    fn of(line: &mut Step) -> Option<Self> {
        line.images.take().map(|images| Self { images })
    }
}

impl End for PushReport {
    fn line(self) -> Step {
        let Self { manifest_digest, manifest_size } = self;
        Step {
            id: manifest_digest.clone(),
            manifestdigest: Some(manifest_digest),
            manifestsize: Some(manifest_size),
            ..Step::default()
        }
    }
    fn of(line: &mut Step) -> Option<Self> {
        let manifest_size = line.manifestsize.unwrap_or_default();
        // Podman's service ends the push of a list with an id alone.
        let id = Some(std::mem::take(&mut line.id)).filter(|id| !id.is_empty());
        line.manifestdigest.take().or(id).map(|manifest_digest| Self { manifest_digest, manifest_size })
    }
}

impl End for BuildReport {
    fn line(self) -> Step {
        let Self { id, failed, sbom: _ } = self;
        match failed {
            None => Step { stream: Some(format!("{id}\n")), images: Some(vec![id]), ..Step::default() },
            Some(FailedStep { code, message }) => Step {
                error: message.clone(),
                error_detail: Some(ErrorDetail { code: Some(code), message }),
                ..Step::default()
            },
        }
    }
    fn of(line: &mut Step) -> Option<Self> {
        if let Some(code) = line.error_detail.as_ref().and_then(|detail| detail.code) {
            let message = std::mem::take(&mut line.error);
            return Some(Self { failed: Some(FailedStep { code, message }), ..Self::default() });
        }
        let id = line.images.take()?.pop()?;
        Some(Self { id, ..Self::default() })
    }
}

impl Step {
    fn of<R: End>(event: Result<Progress<R>>, with_blobs: bool, with_text: bool) -> Option<Self> {
        let line = Self::default();
        Some(match event {
            Ok(Progress::Message(_)) if !with_text => return None,
            Ok(Progress::Message(text)) => Self { stream: Some(text + "\n"), ..line },
            Ok(Progress::Blob(_)) if !with_blobs => return None,
            Ok(Progress::Blob(blob)) => Self { blob: Some(blob), ..line },
            Ok(Progress::Done(report)) => report.line(),
            Err(error) => Self { error: error.message, kind: Some(error.kind), ..line },
        })
    }

    fn event<R: End>(mut self) -> Option<Result<Progress<R>>> {
        if let Some(report) = R::of(&mut self) {
            return Some(Ok(Progress::Done(report)));
        }
        if !self.error.is_empty() {
            return Some(Err(Error::new(self.kind.unwrap_or(ErrorKind::Internal), self.error)));
        }
        if let Some(blob) = self.blob {
            return Some(Ok(Progress::Blob(blob)));
        }
        Some(Ok(Progress::Message(self.stream?.trim_end_matches('\n').to_owned())))
    }
}

impl<R: End> Answer for Steps<R> {
    async fn reply(self, asked: &Asked) -> Result<Reply> {
        let Self { progress, with_blobs, with_text } = self;
        let line = move |event| std::future::ready(Step::of(event, with_blobs, with_text).map(Ok));
        Ok(lines(asked, progress.filter_map(line)))
    }
    fn describe(schemas: &mut SchemaGenerator) -> Described {
        Described { content: Some(("application/json", schemas.subschema_for::<Step>())) }
    }
}

impl<R: End> Received for Steps<R> {
    async fn receive(response: http::Response<ByteStream>) -> Result<Self> {
        let lines = read_json_lines::<Step>(response);
        let progress = lines.filter_map(|line| {
            std::future::ready(match line {
                Ok(line) => line.event(),
                Err(error) => Some(Err(error)),
            })
        });
        Ok(Self { progress: Box::pin(progress), with_blobs: true, with_text: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let event = |text: &str| serde_json::from_str::<Step>(text).unwrap().event::<PullReport>();
        let done = event(r#"{"images": ["a"], "id": "a"}"#);
        assert_eq!(done, Some(Ok(Progress::Done(PullReport { images: vec!["a".into()] }))));
        assert_eq!(event(r#"{"stream": "x\n"}"#), Some(Ok(Progress::Message("x".into()))));
        assert_eq!(event(r#"{"other": 1}"#), None);
        let error = event(r#"{"error": "denied", "kind": "Unauthorized"}"#).unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
        // What Podman's service writes at the end of a push.
        let pushed = serde_json::from_str::<Step>(r#"{"manifestdigest": "sha256:a"}"#).unwrap().event();
        let report = PushReport { manifest_digest: "sha256:a".into(), manifest_size: 0 };
        assert_eq!(pushed, Some(Ok(Progress::Done(report))));
    }
}
