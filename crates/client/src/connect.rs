//! Ways to reach a service.

use std::pin::Pin;

use cove_api::endpoint::Duplex;

use crate::Address;

/// A connection in the making.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = std::io::Result<Box<dyn Duplex>>> + Send + 'a>>;

/// Something that opens connections to one service; its text is what messages call the place.
pub trait Connect: std::fmt::Display + std::fmt::Debug + Send + Sync {
    /// Opens one.
    fn connect(&self) -> Connecting<'_>;
}

impl Connect for Address {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async move {
            let connection: Box<dyn Duplex> = match self {
                #[cfg(unix)]
                Self::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
                #[cfg(not(unix))]
                Self::Unix(_) => {
                    let text = "there are no unix sockets on this system";
                    return Err(std::io::Error::new(std::io::ErrorKind::Unsupported, text));
                }
                Self::Tcp(host) => Box::new(tokio::net::TcpStream::connect(host).await?),
            };
            Ok(connection)
        })
    }
}
