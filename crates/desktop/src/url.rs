//! Links to published ports: the only addresses that a screen may have opened outside of it.

use std::net::IpAddr;

use cove_api::ErrorKind;

use crate::Failure;

/// Makes sure that `url` is `http://HOST:PORT/` with an address or `localhost` as HOST and nothing behind it.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`].
pub fn check_port_url(url: &str) -> Result<(), Failure> {
    let good = || {
        let (host, port) = url.strip_prefix("http://")?.strip_suffix('/')?.rsplit_once(':')?;
        let is_address = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']')?.parse::<IpAddr>().ok()?.is_ipv6(),
            None => host == "localhost" || host.parse::<IpAddr>().ok()?.is_ipv4(),
        };
        let is_port = port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().ok()? > 0;
        (is_address && is_port).then_some(())
    };
    good().ok_or_else(|| {
        Failure::new(ErrorKind::InvalidArgument, format!("{url:?} is no link to a published port"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ports_of_addresses_are_opened() {
        for url in ["http://localhost:8080/", "http://127.0.0.1:80/", "http://[::1]:65535/"] {
            assert!(check_port_url(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "http://localhost/",
            "http://localhost:0/",
            "http://localhost:99999/",
            "http://localhost:+80/",
            "http://evil.example:80/",
            "http://localhost:80/x",
            "http://a@localhost:80/",
            "https://localhost:80/",
            "file:///etc/passwd",
            "http://[127.0.0.1]:80/",
            "http://::1:80/",
            "http://localhost:80/ --x/",
            "javascript:alert(1)",
        ] {
            assert!(check_port_url(url).is_err(), "{url}");
        }
    }
}
