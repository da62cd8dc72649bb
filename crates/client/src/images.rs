//! Images over HTTP.

use async_trait::async_trait;
use base64::Engine as _;
use cove_api::{
    ArchiveFormat, BlobProgress, ByteStream, Error, ErrorKind, ImageHistoryRow, ImageInspect,
    ImageListOptions, ImageRemoveOptions, ImageRemoveReport, ImageSummary, Images, ImportOptions, LoadReport,
    Progress, PullOptions, PullPolicy, PullReport, Result, SaveOptions, ValueStream,
};
use futures_util::StreamExt as _;
use http::Method;
use serde_json::Value;

use crate::Client;
use crate::containers::Made;
use crate::http::{build, bytes_of, collect, decode, empty, streamed};
use crate::query::{Target, split_tag};

fn of(name: &str, verb: &str) -> Target {
    Target::new(&["images", name, verb])
}

#[async_trait]
impl Images for Client {
    async fn pull(&self, name: &str, options: PullOptions) -> Result<ValueStream<Progress<PullReport>>> {
        if options.auth_file.is_some() || options.cert_dir.is_some() {
            return Err(Error::unsupported(
                "--authfile and --cert-dir name files of the engine's host: not over a service",
            ));
        }
        let target = Target::new(&["images", "pull"])
            .with("reference", name)
            .with("policy", policy(options.policy))
            .with("pullProgress", true)
            .with_some("OS", options.os)
            .with_some("Arch", options.arch)
            .with_some("Variant", options.variant)
            .with_switch("allTags", options.all_tags)
            .with_some("tlsVerify", options.tls_verify)
            .with_some("retry", options.retry)
            .with_some("retrydelay", options.retry_delay.map(|seconds| format!("{seconds}s")));
        let mut request = self.request(Method::POST, &target);
        if let Some(credentials) = &options.credentials {
            let text = serde_json::to_vec(&serde_json::json!({
                "username": credentials.username,
                "password": credentials.password,
                "identitytoken": credentials.identity_token,
            }));
            let text = text.map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
            request =
                request.header("X-Registry-Auth", base64::engine::general_purpose::URL_SAFE.encode(text));
        }
        let lines = self.json_lines(build(request, empty())?).await?;
        Ok(Box::pin(lines.filter_map(|line| async move { line.and_then(pull_event).transpose() })))
    }

    async fn list(&self, options: ImageListOptions) -> Result<Vec<ImageSummary>> {
        let target =
            Target::new(&["images", "json"]).with_switch("all", options.all).with_filters(&options.filters);
        self.json(Method::GET, &target).await
    }

    async fn inspect(&self, name: &str) -> Result<ImageInspect> {
        self.json(Method::GET, &of(name, "json")).await
    }

    async fn history(&self, name: &str) -> Result<Vec<ImageHistoryRow>> {
        self.json(Method::GET, &of(name, "history")).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        Client::exists(self, &of(name, "exists")).await
    }

    async fn remove(&self, names: Vec<String>, options: ImageRemoveOptions) -> Result<ImageRemoveReport> {
        let mut target = Target::new(&["images", "remove"])
            .with_switch("all", options.all)
            .with_switch("force", options.force)
            .with_switch("ignore", options.ignore)
            .with_switch("noprune", options.no_prune);
        for name in &names {
            target = target.with("images", name);
        }
        self.json(Method::DELETE, &target).await
    }

    async fn tag(&self, name: &str, new_name: &str) -> Result<()> {
        let (repository, tag) = split_tag(new_name);
        self.call(Method::POST, &of(name, "tag").with("repo", repository).with("tag", tag)).await
    }

    async fn untag(&self, name: &str, names: Vec<String>) -> Result<()> {
        if names.is_empty() {
            return self.call(Method::POST, &of(name, "untag")).await;
        }
        for other in &names {
            let (repository, tag) = split_tag(other);
            self.call(Method::POST, &of(name, "untag").with("repo", repository).with("tag", tag)).await?;
        }
        Ok(())
    }

    async fn load(&self, archive: ByteStream) -> Result<LoadReport> {
        let request = self.request(Method::POST, &Target::new(&["images", "load"]));
        let request = build(request.header("Content-Type", "application/x-tar"), streamed(archive))?;
        decode(&collect(self.answer(request).await?).await?)
    }

    async fn save(&self, names: Vec<String>, options: SaveOptions) -> Result<ByteStream> {
        let format = match options.format {
            ArchiveFormat::DockerArchive => "docker-archive",
            ArchiveFormat::OciArchive => "oci-archive",
        };
        let mut target =
            Target::new(&["images", "export"]).with("format", format).with_switch("multi", options.multi);
        for name in &names {
            target = target.with("references", name);
        }
        let request = build(self.request(Method::GET, &target), empty())?;
        Ok(bytes_of(self.answer(request).await?))
    }

    async fn import(&self, archive: ByteStream, options: ImportOptions) -> Result<String> {
        let mut target = Target::new(&["images", "import"])
            .with("reference", &options.reference)
            .with("message", &options.message)
            .with("OS", &options.os)
            .with("Architecture", &options.arch)
            .with("Variant", &options.variant);
        for change in &options.changes {
            target = target.with("changes", change);
        }
        let request = self.request(Method::POST, &target).header("Content-Type", "application/x-tar");
        let made: Made = decode(&collect(self.answer(build(request, streamed(archive))?).await?).await?)?;
        Ok(made.id)
    }
}

fn policy(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Always => "always",
        PullPolicy::Missing => "missing",
        PullPolicy::Newer => "newer",
        PullPolicy::Never => "never",
    }
}

/// One line of the answer of pull. `blob` is ours; Podman's clients pass over it.
fn pull_event(line: Value) -> Result<Option<Progress<PullReport>>> {
    if let Some(text) = line["error"].as_str().filter(|text| !text.is_empty()) {
        let kind = serde_json::from_value(line["kind"].clone()).unwrap_or(ErrorKind::Internal);
        return Err(Error::new(kind, text));
    }
    if let Ok(blob) = serde_json::from_value::<BlobProgress>(line["blob"].clone()) {
        return Ok(Some(Progress::Blob(blob)));
    }
    if let Some(images) = line["images"].as_array() {
        let images = images.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        return Ok(Some(Progress::Done(PullReport { images })));
    }
    Ok(line["stream"].as_str().map(|text| Progress::Message(text.trim_end_matches('\n').to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pull_lines() {
        let done = pull_event(json!({"images": ["a"], "id": "a"})).unwrap();
        assert_eq!(done, Some(Progress::Done(PullReport { images: vec!["a".into()] })));
        assert_eq!(pull_event(json!({"stream": "x\n"})).unwrap(), Some(Progress::Message("x".into())));
        assert_eq!(pull_event(json!({"other": 1})).unwrap(), None);
        let error = pull_event(json!({"error": "denied", "kind": "Unauthorized"})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
    }
}
