//! Taking connections over from clients that do not ask for it.
//!
//! Docker's API before 1.22 and Podman 4's clients send `POST /exec/ID/start` or `…/attach` as plain requests, and then
//! use the connection in both directions. HTTP libraries only give a connection away after an upgrade, so such a
//! request is given the headers of one on its way in, and the answer the status these clients expect on its way out.

use crate::path::without_version;

/// The header that marks such a request.
pub(crate) const PLAIN: &str = "x-cove-plain-hijack";

const UPGRADE: &[u8] = b"Connection: Upgrade\r\nUpgrade: tcp\r\nX-Cove-Plain-Hijack: 1\r\n";
const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n";
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// Whether a request with this `Upgrade` header is one for the connection itself.
pub(crate) fn is_raw(upgrade: &[u8]) -> bool {
    upgrade.eq_ignore_ascii_case(b"tcp")
}

/// Whether what follows a request with this `Upgrade` header may be no request.
pub(crate) fn is_taken(upgrade: &[u8]) -> bool {
    is_raw(upgrade) || upgrade.eq_ignore_ascii_case(b"websocket")
}

/// Whether a request with this `Upgrade` header offers to go on in HTTP/2. BuildKit's clients mean it; from others, such as
/// Java's, it is an offer that nobody here takes.
pub(crate) fn is_http2(upgrade: &[u8]) -> bool {
    upgrade.eq_ignore_ascii_case(b"h2c")
}

/// Whether a path takes that offer.
pub(crate) fn takes_http2(path: &[u8]) -> bool {
    std::str::from_utf8(path).is_ok_and(|path| matches!(without_version(path), "/grpc" | "/session"))
}

/// What the first bytes of a connection become where they are such a request.
pub(crate) fn with_upgrade(first: &[u8]) -> Option<Vec<u8>> {
    // Most requests are not, and each one comes by here.
    if !first.starts_with(b"POST ") {
        return None;
    }
    let end = first.windows(4).position(|window| window == b"\r\n\r\n")? + 2;
    let head = std::str::from_utf8(&first[..end]).ok()?;
    let (line, headers) = head.split_once("\r\n")?;
    let path = line.strip_prefix("POST ")?.split([' ', '?']).next()?;
    let wanted = path.ends_with("/attach") || (path.contains("/exec/") && path.ends_with("/start"));
    let name = |header: &str| header.split_once(':').map(|(name, _)| name.to_ascii_lowercase());
    let is_plain = !headers
        .lines()
        .filter_map(name)
        .any(|name| name == "upgrade" || name == "connection" || name == "transfer-encoding");
    (wanted && is_plain).then(|| [&first[..end], UPGRADE, &first[end..]].concat())
}

/// What the first bytes of the answer become.
pub(crate) fn without_upgrade(first: &[u8]) -> Option<Vec<u8>> {
    first.strip_prefix(SWITCHED).map(|rest| [TAKEN, rest].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_hijacks_are_changed() {
        let head = "POST /v4.3.1/libpod/exec/1/start HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n";
        let changed = with_upgrade(format!("{head}\r\n{{}}").as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(changed).unwrap(),
            format!("{head}{}\r\n{{}}", std::str::from_utf8(UPGRADE).unwrap())
        );
        for other in [
            format!("{head}upgrade: tcp\r\n\r\n"),
            format!("{head}Connection: close\r\n\r\n"),
            head.to_owned(),
            "POST /containers/1/start HTTP/1.1\r\n\r\n".to_owned(),
            "GET /exec/1/start HTTP/1.1\r\n\r\n".to_owned(),
        ] {
            assert_eq!(with_upgrade(other.as_bytes()), None, "{other}");
        }
    }
}
