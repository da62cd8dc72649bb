//! Host names into addresses, with an error that is told from others by its type.

use std::io;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The system's resolver.
pub(super) struct Resolver;

/// A name has no address, or the resolver did not answer.
#[derive(Debug, thiserror::Error)]
#[error("no such host {host}: {source}")]
pub(super) struct NoSuchHost {
    host: String,
    #[source]
    source: io::Error,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            match found.map(Iterator::collect::<Vec<SocketAddr>>) {
                Ok(found) => Ok(Box::new(found.into_iter()) as Addrs),
                Err(source) => Err(NoSuchHost { host, source }.into()),
            }
        })
    }
}
