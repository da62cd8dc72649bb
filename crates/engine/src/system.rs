//! The engine about itself.

use async_trait::async_trait;
use cove_api::{Error, Event, EventOptions, Info, Ping, Result, System, ValueStream, Version};

use crate::engine::LocalEngine;

/// The libpod API that the service speaks.
pub const LIBPOD_API_VERSION: &str = "5.0.0";

/// The newest Docker API that the service speaks.
pub const DOCKER_API_VERSION: &str = "1.44";

#[async_trait]
impl System for LocalEngine {
    async fn ping(&self) -> Result<Ping> {
        Ok(Ping { libpod_api_version: LIBPOD_API_VERSION.into(), api_version: DOCKER_API_VERSION.into() })
    }

    async fn version(&self) -> Result<Version> {
        Ok(version())
    }

    async fn info(&self) -> Result<Info> {
        Err(Error::unsupported("info is not supported yet"))
    }

    async fn events(&self, options: EventOptions) -> Result<ValueStream<Event>> {
        self.core.events.read(options)
    }
}

/// This engine's version.
pub(crate) fn version() -> Version {
    Version {
        api_version: LIBPOD_API_VERSION.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        os: "linux".into(),
        os_arch: format!("linux/{}", cove_registry::Platform::host().architecture),
        ..Version::default()
    }
}
