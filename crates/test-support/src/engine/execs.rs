//! Exec sessions, and what attached streams say.

use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::*;
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{FakeEngine, sample};

#[async_trait]
impl Execs for FakeEngine {
    async fn create(&self, container: &str, spec: ExecSpec) -> Result<String> {
        self.note(container, format!("exec create {container} {spec:?}"))?;
        Ok("session".into())
    }
    async fn start(&self, id: &str, options: ExecStartOptions) -> Result<Option<AttachStream>> {
        self.note(id, format!("exec start {id} {options:?}"))?;
        if id == "missing" {
            return Err(Error::new(ErrorKind::CommandNotFound, "crun: no such command"));
        }
        Ok((!options.detach).then(|| self.echo(id, id != "quiet")))
    }
    async fn inspect(&self, id: &str) -> Result<ExecInspect> {
        self.note(id, format!("exec inspect {id}"))?;
        Ok(sample::session(id, self.terminal))
    }
    async fn wait(&self, id: &str) -> Result<i32> {
        self.note(id, format!("exec wait {id}"))?;
        Ok(4)
    }
    async fn resize(&self, id: &str, size: TerminalSize) -> Result<()> {
        self.note(id, format!("exec resize {id} {size:?}"))
    }
    async fn remove(&self, id: &str, force: bool) -> Result<()> {
        self.note(id, format!("exec remove {id} {force}"))
    }
}

impl FakeEngine {
    /// Echoes the input in upper case up to its end, then says `end` on standard error. `idle` never says anything.
    pub(super) fn echo(&self, name: &str, with_input: bool) -> AttachStream {
        if name == "idle" {
            let output = self.silence();
            let input =
                with_input.then(|| Box::pin(tokio::io::sink()) as Pin<Box<dyn tokio::io::AsyncWrite + Send>>);
            return AttachStream { input, output: Box::pin(output) };
        }
        let token = self.token();
        let (input, mut far) = tokio::io::duplex(64);
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            let chunk = |stream, data: Vec<u8>| Ok(OutputChunk { stream, data: Bytes::from(data) });
            if with_input {
                while let Ok(count @ 1..) = far.read(&mut buffer).await {
                    let upper = buffer[..count].to_ascii_uppercase();
                    let _ = sender.send(chunk(OutputStream::Stdout, upper)).await;
                }
            } else {
                let _ = sender.send(chunk(OutputStream::Stdout, b"out".to_vec())).await;
            }
            let _ = far.shutdown().await;
            let _ = sender.send(chunk(OutputStream::Stderr, b"end".to_vec())).await;
        });
        let output = stream::unfold((receiver, token), |(mut receiver, token)| async move {
            receiver.recv().await.map(|item| (item, (receiver, token)))
        });
        AttachStream { input: with_input.then(|| Box::pin(input) as _), output: Box::pin(output) }
    }
}
