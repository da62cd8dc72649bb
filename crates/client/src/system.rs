//! The service itself.

use async_trait::async_trait;
use cove_api::{Event, EventOptions, Info, Ping, Result, System, ValueStream, Version};
use futures_util::StreamExt as _;
use http::Method;
use serde_json::Value;

use crate::Client;
use crate::http::{build, empty, malformed};
use crate::query::Target;

#[async_trait]
impl System for Client {
    async fn ping(&self) -> Result<Ping> {
        let request = build(self.request(Method::GET, &Target::new(&["_ping"])), empty())?;
        let response = self.answer(request).await?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        Ok(Ping { libpod_api_version: header("Libpod-API-Version"), api_version: header("Api-Version") })
    }

    async fn version(&self) -> Result<Version> {
        Ok(version_of(&self.json(Method::GET, &Target::new(&["version"])).await?))
    }

    async fn info(&self) -> Result<Info> {
        self.json(Method::GET, &Target::new(&["info"])).await
    }

    async fn events(&self, options: EventOptions) -> Result<ValueStream<Event>> {
        let target = Target::new(&["events"])
            .with("stream", options.stream)
            .with_time("since", options.since)
            .with_time("until", options.until)
            .with_filters(&options.filters);
        let lines = self.json_lines(build(self.request(Method::GET, &target), empty())?).await?;
        Ok(Box::pin(lines.map(|line| serde_json::from_value(line?).map_err(|error| malformed(&error)))))
    }
}

/// The route answers in Docker's shape; the engine's own facts are in its first component.
fn version_of(answer: &Value) -> Version {
    let details = &answer["Components"][0]["Details"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let either = |key: &str| match text(&details[key]) {
        empty if empty.is_empty() => text(&answer[key]),
        found => found,
    };
    let built_time = either("BuildTime");
    Version {
        api_version: text(&details["APIVersion"]),
        version: text(&answer["Version"]),
        go_version: either("GoVersion"),
        git_commit: either("GitCommit"),
        built: built_time
            .parse::<cove_api::Timestamp>()
            .map(cove_api::Timestamp::as_second)
            .unwrap_or_default(),
        built_time,
        build_origin: text(&details["BuildOrigin"]),
        os_arch: format!("{}/{}", either("Os"), either("Arch")),
        os: either("Os"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn version_comes_from_the_first_component() {
        let version = version_of(&json!({
            "Version": "1.2.3", "Os": "linux", "Arch": "amd64",
            "Components": [{"Details": {"APIVersion": "5.0.0", "GitCommit": "abc"}}],
        }));
        assert_eq!((version.version.as_str(), version.api_version.as_str()), ("1.2.3", "5.0.0"));
        assert_eq!((version.os_arch.as_str(), version.git_commit.as_str()), ("linux/amd64", "abc"));
    }
}
