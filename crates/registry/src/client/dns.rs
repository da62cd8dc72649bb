//! Host names into addresses, with an error that is told from others by its type.

use std::io;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The system's resolver.
pub(super) struct Resolver {
    /// Addresses of a link are no answer; see [`is_link_local`].
    pub(super) guarded: bool,
}

/// A name has no address, or the resolver did not answer.
#[derive(Debug, thiserror::Error)]
#[error("no such host {host}: {source}")]
pub(super) struct NoSuchHost {
    host: String,
    #[source]
    source: io::Error,
}

/// Whether an address means something on one link alone: there are services that trust whoever asks, such as those with
/// a cloud's credentials.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = self.guarded;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            match found.map(Iterator::collect::<Vec<SocketAddr>>) {
                Ok(found) if guarded && found.iter().any(|place| is_link_local(place.ip())) => {
                    let source = io::Error::other("it has an address of a link, which is refused");
                    Err(NoSuchHost { host, source }.into())
                }
                Ok(found) => Ok(Box::new(found.into_iter()) as Addrs),
                Err(source) => Err(NoSuchHost { host, source }.into()),
            }
        })
    }
}
