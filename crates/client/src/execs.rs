//! Exec sessions over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use cove_api::{AttachStream, ExecInspect, ExecSpec, ExecStartOptions, Execs, Result, TerminalSize};
use http::Method;
use serde_json::json;

use crate::Client;
use crate::containers::Made;
use crate::frames::attach_stream;
use crate::http::{collect, json_request};
use crate::query::Target;

/// Shortest and longest pause between two looks at a session that nobody is attached to.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

#[async_trait]
impl Execs for Client {
    async fn create(&self, container: &str, spec: ExecSpec) -> Result<String> {
        let made: Made = self.json_with(&Target::new(&["containers", container, "exec"]), &spec).await?;
        Ok(made.id)
    }

    async fn start(&self, id: &str, options: ExecStartOptions) -> Result<Option<AttachStream>> {
        let session = Execs::inspect(self, id).await?;
        let terminal = session.process_config.tty;
        let target = Target::new(&["exec", id, "start"]);
        let mut body = json!({"Detach": options.detach, "Tty": terminal});
        if let Some(size) = options.size {
            body["h"] = size.height.into();
            body["w"] = size.width.into();
        }
        if options.detach {
            let response = self.answer(json_request(self.request(Method::POST, &target), &body)?).await?;
            collect(response).await?;
            return Ok(None);
        }
        Ok(Some(attach_stream(self.hijack(&target, Some(body)).await?, terminal, session.open_stdin)))
    }

    async fn inspect(&self, id: &str) -> Result<ExecInspect> {
        self.json(Method::GET, &Target::new(&["exec", id, "json"])).await
    }

    /// The API has no route that waits for a session, so this looks again and again, more and more seldom. After an
    /// attached session's output has ended the first look answers.
    async fn wait(&self, id: &str) -> Result<i32> {
        let mut pause = PAUSES.0;
        loop {
            let session = Execs::inspect(self, id).await?;
            if !session.running {
                return Ok(session.exit_code);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn resize(&self, id: &str, size: TerminalSize) -> Result<()> {
        let target = Target::new(&["exec", id, "resize"]).with("h", size.height).with("w", size.width);
        self.call(Method::POST, &target).await
    }

    async fn remove(&self, id: &str, force: bool) -> Result<()> {
        let target = Target::new(&["exec", id, "remove"]);
        let request = json_request(self.request(Method::POST, &target), &json!({"Force": force}))?;
        collect(self.answer(request).await?).await.map(drop)
    }
}
