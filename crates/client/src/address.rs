//! Where a service listens.

use std::path::PathBuf;
use std::str::FromStr;

use cove_api::Error;

/// The address of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `unix:///run/cove/cove.sock`
    Unix(PathBuf),
    /// `tcp://HOST:PORT`, without TLS.
    Tcp(String),
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            Error::invalid(format!("{text:?} is no service address: it must begin with unix:// or tcp://"))
        })?;
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(PathBuf::from(rest))),
            "unix" => Err(Error::invalid(format!("{text:?}: the path of a unix socket must be absolute"))),
            "tcp" | "http" => {
                let host = rest.trim_end_matches('/');
                let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
                if port.is_none() || host.contains('/') {
                    return Err(Error::invalid(format!("{text:?}: expected tcp://HOST:PORT")));
                }
                Ok(Self::Tcp(host.to_owned()))
            }
            "ssh" | "npipe" | "fd" => Err(Error::unsupported(format!(
                "{text:?}: {scheme}:// addresses are not supported by this version"
            ))),
            _ => Err(Error::invalid(format!("{text:?}: unknown scheme {scheme}://"))),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp(host) => write!(formatter, "tcp://{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::ErrorKind;

    #[test]
    fn parses_and_prints() {
        for text in ["unix:///run/cove.sock", "tcp://127.0.0.1:8080", "tcp://[::1]:8080"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for (text, kind) in [
            ("/run/cove.sock", ErrorKind::InvalidArgument),
            ("unix://relative", ErrorKind::InvalidArgument),
            ("tcp://host", ErrorKind::InvalidArgument),
            ("tcp://host:80/path", ErrorKind::InvalidArgument),
            ("gopher://x", ErrorKind::InvalidArgument),
            ("ssh://root@host/run/sock", ErrorKind::Unsupported),
        ] {
            assert_eq!(text.parse::<Address>().unwrap_err().kind, kind, "{text}");
        }
    }
}
