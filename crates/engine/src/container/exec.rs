//! Exec sessions.

use async_trait::async_trait;
use cove_api::{
    AttachStream, Error, ExecInspect, ExecSpec, ExecStartOptions, Execs, Result, TerminalSize,
};

use crate::engine::LocalEngine;

#[async_trait]
impl Execs for LocalEngine {
    async fn create(&self, _container: &str, _spec: ExecSpec) -> Result<String> {
        Err(Error::unsupported("exec is not supported yet"))
    }
    async fn start(&self, _id: &str, _options: ExecStartOptions) -> Result<Option<AttachStream>> {
        Err(Error::unsupported("exec is not supported yet"))
    }
    async fn inspect(&self, _id: &str) -> Result<ExecInspect> {
        Err(Error::unsupported("exec is not supported yet"))
    }
    async fn wait(&self, _id: &str) -> Result<i32> {
        Err(Error::unsupported("exec is not supported yet"))
    }
    async fn resize(&self, _id: &str, _size: TerminalSize) -> Result<()> {
        Err(Error::unsupported("exec is not supported yet"))
    }
    async fn remove(&self, _id: &str, _force: bool) -> Result<()> {
        Err(Error::unsupported("exec is not supported yet"))
    }
}
