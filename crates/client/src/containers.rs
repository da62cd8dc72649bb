//! Containers over HTTP.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::{
    AttachOptions, AttachStream, ContainerCreateReport, ContainerInspect, ContainerRemoveReport,
    ContainerSpec, ContainerSummary, Containers, Error, ListOptions, LogLine, LogOptions, RemoveOptions,
    Result, StopOptions, TerminalSize, Timestamp, TopReport, ValueStream, WaitOptions,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::Method;
use serde::Deserialize;

use crate::Client;
use crate::frames::{attach_stream, framed};
use crate::http::{build, bytes_of, collect, empty};
use crate::query::Target;

fn of(name: &str, verb: &str) -> Target {
    Target::new(&["containers", name, verb])
}

#[async_trait]
impl Containers for Client {
    async fn create(&self, spec: ContainerSpec) -> Result<ContainerCreateReport> {
        self.json_with(&Target::new(&["containers", "create"]), &spec).await
    }

    async fn start(&self, name: &str) -> Result<()> {
        self.call(Method::POST, &of(name, "start")).await
    }

    async fn stop(&self, name: &str, options: StopOptions) -> Result<()> {
        self.call(Method::POST, &of(name, "stop").with_some("timeout", options.timeout)).await
    }

    async fn restart(&self, name: &str, options: StopOptions) -> Result<()> {
        self.call(Method::POST, &of(name, "restart").with_some("t", options.timeout)).await
    }

    async fn kill(&self, name: &str, signal: i32) -> Result<()> {
        self.call(Method::POST, &of(name, "kill").with("signal", signal)).await
    }

    async fn pause(&self, name: &str) -> Result<()> {
        self.call(Method::POST, &of(name, "pause")).await
    }

    async fn unpause(&self, name: &str) -> Result<()> {
        self.call(Method::POST, &of(name, "unpause")).await
    }

    async fn rename(&self, name: &str, new_name: &str) -> Result<()> {
        self.call(Method::POST, &of(name, "rename").with("name", new_name)).await
    }

    async fn remove(&self, name: &str, options: RemoveOptions) -> Result<Vec<ContainerRemoveReport>> {
        let target = Target::new(&["containers", name])
            .with_switch("force", options.force)
            .with_switch("v", options.volumes)
            .with_switch("depend", options.depend)
            .with_some("timeout", options.timeout);
        self.json(Method::DELETE, &target).await
    }

    async fn list(&self, options: ListOptions) -> Result<Vec<ContainerSummary>> {
        let target = Target::new(&["containers", "json"])
            .with_switch("all", options.all)
            .with_some("limit", options.last)
            .with_switch("size", options.size)
            .with_switch("namespace", options.namespaces)
            .with_switch("sync", options.sync)
            .with_switch("external", options.external)
            .with_filters(&options.filters);
        self.json(Method::GET, &target).await
    }

    async fn inspect(&self, name: &str, size: bool) -> Result<ContainerInspect> {
        self.json(Method::GET, &of(name, "json").with_switch("size", size)).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        Client::exists(self, &of(name, "exists")).await
    }

    async fn wait(&self, name: &str, options: WaitOptions) -> Result<i32> {
        let mut target = of(name, "wait");
        for condition in &options.conditions {
            target = target.with("condition", condition);
        }
        let response = self.answer(build(self.request(Method::POST, &target), empty())?).await?;
        let body = collect(response).await?;
        let text = String::from_utf8_lossy(&body);
        text.trim()
            .parse()
            .map_err(|_| Error::internal(format!("the service answered wait with {:?}", text.trim())))
    }

    async fn logs(&self, name: &str, options: LogOptions) -> Result<ValueStream<LogLine>> {
        let target = of(name, "logs")
            .with("timestamps", true)
            .with_switch("follow", options.follow)
            .with("stdout", options.stdout)
            .with("stderr", options.stderr)
            .with_some("tail", options.tail)
            .with_time("since", options.since)
            .with_time("until", options.until);
        let response = self.answer(build(self.request(Method::GET, &target), empty())?).await?;
        let reader = tokio_util::io::StreamReader::new(bytes_of(response).map_err(std::io::Error::other));
        Ok(Box::pin(framed(reader).map(|chunk| {
            let chunk = chunk?;
            let (time, data, partial) = split_log_line(&chunk.data)?;
            Ok(LogLine { time, stream: chunk.stream, data, partial })
        })))
    }

    async fn attach(&self, name: &str, options: AttachOptions) -> Result<AttachStream> {
        // The service frames the output of containers without a terminal only.
        let terminal = self.inspect(name, false).await?.config.tty;
        let target = of(name, "attach")
            .with("stream", true)
            .with("stdin", options.stdin)
            .with("stdout", options.stdout)
            .with("stderr", options.stderr)
            .with_switch("logs", options.logs)
            .with_some("detachKeys", options.detach_keys);
        Ok(attach_stream(self.hijack(&target, None).await?, terminal, options.stdin))
    }

    async fn resize(&self, name: &str, size: TerminalSize) -> Result<()> {
        self.call(Method::POST, &of(name, "resize").with("h", size.height).with("w", size.width)).await
    }

    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport> {
        let mut target = of(name, "top").with("stream", false);
        for descriptor in &descriptors {
            target = target.with("ps_args", descriptor);
        }
        self.json(Method::GET, &target).await
    }

    async fn cleanup(&self, name: &str) -> Result<()> {
        Err(Error::unsupported(format!("{name}: a service cleans its containers up by itself")))
    }
}

/// Takes the time and a possible line end off a log frame.
fn split_log_line(frame: &Bytes) -> Result<(Timestamp, Bytes, bool)> {
    let space = frame.iter().position(|byte| *byte == b' ');
    let time = space
        .and_then(|space| std::str::from_utf8(&frame[..space]).ok())
        .and_then(|text| text.parse::<Timestamp>().ok());
    let (Some(space), Some(time)) = (space, time) else {
        return Err(Error::internal("the service sent a log line without a time"));
    };
    let data = frame.slice(space + 1..);
    match data.strip_suffix(b"\n") {
        Some(line) => Ok((time, data.slice(..line.len()), false)),
        None => Ok((time, data, true)),
    }
}

/// The answer of routes that make something.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Made {
    #[serde(alias = "ID")]
    pub(crate) id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_lose_time_and_line_end() {
        let (time, data, partial) = split_log_line(&Bytes::from("2026-11-22T10:00:00.5Z a b\n")).unwrap();
        assert_eq!((time.as_second(), data, partial), (1_795_341_600, Bytes::from("a b"), false));
        assert!(split_log_line(&Bytes::from("2026-11-22T10:00:00+01:00 part")).unwrap().2);
        assert!(split_log_line(&Bytes::from("nonsense")).is_err());
    }
}
