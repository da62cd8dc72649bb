//! `/containers/{name}/exec` and `/exec`.

use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Attached;
use super::body::Json;
use super::container::Resize;
use super::declare::{Endpoint, get, post};
use super::parameters::Nothing;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{AttachStream, ExecInspect, ExecSpec, ExecStartOptions, Execs, Result, TerminalSize};

const CREATE: Endpoint<String, Nothing, Json<ExecSpec>, Json<Made>> =
    post("/containers/{name}/exec", "Make an exec session in a running container")
        .status(StatusCode::CREATED);
const START: Endpoint<String, Nothing, Json<ExecStart>, Option<Attached>> =
    post("/exec/{id}/start", "Start an exec session, attached or not");
const INSPECT: Endpoint<String, Nothing, (), Json<ExecInspect>> =
    get("/exec/{id}/json", "The state of an exec session");
const RESIZE: Endpoint<String, Resize, (), ()> =
    post("/exec/{id}/resize", "Tell an exec session's terminal its size").status(StatusCode::CREATED);
const REMOVE: Endpoint<String, Nothing, Json<ExecRemove>, ()> =
    post("/exec/{id}/remove", "Forget an exec session");

/// Shortest and longest pause between two looks at a session that nobody is attached to.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// The answer of endpoints that make something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Made {
    /// Its id.
    pub(super) id: String,
}

/// The body of start. JSON: libpod's and Docker's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ExecStart {
    /// Do not wait and do not attach.
    #[serde(rename = "Detach")]
    pub detach: bool,
    /// Whether the client has a terminal; that the session has one was said when it was made.
    #[serde(rename = "Tty")]
    pub tty: bool,
    /// Rows and columns, as Docker's clients write them.
    #[serde(rename = "ConsoleSize", skip_serializing_if = "Option::is_none")]
    pub console_size: Option<[u16; 2]>,
    /// Rows.
    pub h: u16,
    /// Columns.
    pub w: u16,
}

impl ExecStart {
    /// The same as the engine takes it.
    #[must_use]
    pub fn options(&self) -> ExecStartOptions {
        let size = match self.console_size {
            Some([height, width]) => Some(TerminalSize { width, height }),
            None => (self.h > 0 && self.w > 0).then_some(TerminalSize { width: self.w, height: self.h }),
        };
        ExecStartOptions { detach: self.detach, attended: false, size }
    }
}

/// The body of remove.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct ExecRemove {
    /// Kill it first.
    #[serde(rename = "Force")]
    force: bool,
}

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(CREATE, |engine, Call { path: name, body: Json(spec), .. }| async move {
        spec.check_for_service()?;
        Ok(Json(Made { id: engine.execs().create(&name, spec).await? }))
    });
    routes.add(START, |engine, Call { path: id, body: Json(start), .. }| async move {
        let terminal = engine.execs().inspect(&id).await?.process_config.tty;
        let stream = engine.execs().start(&id, start.options()).await?;
        Ok(stream.map(|stream| Attached { stream, terminal }))
    });
    routes.add(INSPECT, |engine, Call { path: id, .. }| async move {
        engine.execs().inspect(&id).await.map(Json)
    });
    routes.add(RESIZE, |engine, Call { path: id, parameters, .. }| async move {
        parameters.judge(engine.execs().resize(&id, parameters.size()).await)
    });
    routes.add(REMOVE, |engine, Call { path: id, body: Json(remove), .. }| async move {
        engine.execs().remove(&id, remove.force).await
    });
}

#[async_trait]
impl<T: Transport + 'static> Execs for Remote<T> {
    async fn create(&self, container: &str, spec: ExecSpec) -> Result<String> {
        spec.check_for_service()?;
        self.call(CREATE, container, Nothing {}, Json(spec)).await.map(|Json(made)| made.id)
    }
    async fn start(&self, id: &str, options: ExecStartOptions) -> Result<Option<AttachStream>> {
        let session = Execs::inspect(self, id).await?;
        let terminal = session.process_config.tty;
        let size = options.size.unwrap_or_default();
        let start = ExecStart {
            detach: options.detach,
            tty: terminal,
            console_size: None,
            h: size.height,
            w: size.width,
        };
        if options.detach {
            self.call(START, id, Nothing {}, Json(start)).await?;
            return Ok(None);
        }
        self.attach(START, id, Nothing {}, Json(start), (terminal, session.open_stdin)).await.map(Some)
    }
    async fn inspect(&self, id: &str) -> Result<ExecInspect> {
        self.call(INSPECT, id, Nothing {}, ()).await.map(|Json(session)| session)
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
        self.call(RESIZE, id, size.into(), ()).await
    }
    async fn remove(&self, id: &str, force: bool) -> Result<()> {
        self.call(REMOVE, id, Nothing {}, Json(ExecRemove { force })).await
    }
}
