//! The head of a request, before the HTTP library sees it: what clients send and the library would refuse is put right,
//! what it would take and Go's services refuse is refused.

use std::borrow::Cow;

use axum::http::{StatusCode, Uri};

use crate::hijack;

/// Longest head of a request, in bytes.
pub(crate) const LONGEST_HEAD: usize = 256 << 10;

/// Longest target of a request, in bytes; the library has no room for a longer one.
const LONGEST_TARGET: usize = 60 << 10;

/// Longest name of a header, in bytes.
const LONGEST_NAME: usize = 8 << 10;

/// So many headers a head has at most. The library takes 100, of which [`hijack`] may need some.
const MOST_HEADERS: usize = 90;

/// Why a request is refused by its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// So many bytes, then the next head.
    Bytes(u64),
    /// Chunks, then the next head.
    Chunked,
    /// Everything: the connection is taken over.
    Rest,
}

/// A head that may go on to the library.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) body: BodyLength,
    /// The request was given the headers of an upgrade, see [`hijack`].
    pub(crate) disguised: bool,
}

/// The place after the blank line that ends a head; the first `scanned` bytes are known to have none.
pub(crate) fn end_of(bytes: &[u8], scanned: usize) -> Option<usize> {
    let from = scanned.saturating_sub(3);
    memchr::memchr_iter(b'\n', &bytes[from..]).find_map(|at| match bytes.get(from + at + 1..)? {
        [b'\n', ..] => Some(from + at + 2),
        [b'\r', b'\n', ..] => Some(from + at + 3),
        _ => None,
    })
}

/// Reads a whole head.
///
/// # Errors
/// Another reader could understand the request in another way, or Go's would not take it.
pub(crate) fn read(bytes: &[u8]) -> Result<Head<'_>, Refusal> {
    let line_end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let (line, headers) = bytes.split_at(line_end);
    let facts = Facts::of(headers)?;
    let mut bytes = Cow::Borrowed(bytes);
    if let Some(line) = escaped(line)? {
        bytes = Cow::Owned([&line[..], headers].concat());
    }
    let mut body = facts.body()?;
    let mut disguised = false;
    if facts.upgrades || (facts.offers_http2 && hijack::takes_http2(path_of(line))) {
        body = BodyLength::Rest;
    } else if let Some(changed) = hijack::with_upgrade(&bytes) {
        bytes = Cow::Owned(changed);
        body = BodyLength::Rest;
        disguised = true;
    }
    Ok(Head { bytes, body, disguised })
}

/// The path of a request line that is known to have one.
fn path_of(line: &[u8]) -> &[u8] {
    let target = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    target.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// The request line with its target in the characters of a URI; `None` where it is so already. Clients such as curl send
/// `{"name":["x"]}` as it is.
fn escaped(line: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    let wrong = || Refusal::bad("the request line is malformed");
    let first = memchr::memchr(b' ', line).ok_or_else(wrong)?;
    let last = memchr::memrchr(b' ', line).filter(|last| *last > first).ok_or_else(wrong)?;
    let (method, target, version) =
        (&line[..first], &line[first + 1..last], line[last + 1..].trim_ascii_end());
    if target.iter().any(|byte| byte.is_ascii_control()) {
        return Err(Refusal::bad("the request line has a control character in its target"));
    }
    if target.is_empty() || target.contains(&b' ') {
        return Err(wrong());
    }
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return Err(Refusal::bad("the request line does not begin with a method"));
    }
    if !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
        let status = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        return Err(Refusal::new(status, "the request's version is neither HTTP/1.1 nor HTTP/1.0"));
    }
    let is_changed = !target.iter().all(|byte| is_plain(*byte));
    let target = if is_changed { Cow::Owned(percent_encoded(target)) } else { Cow::Borrowed(target) };
    if target.len() > LONGEST_TARGET {
        let message = format!("the path and query of the request are longer than {LONGEST_TARGET} bytes");
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, message));
    }
    // A path of plain characters is always one.
    if target[0] != b'/' && Uri::try_from(&*target).is_err() {
        return Err(Refusal::bad("the request line has no URI in it"));
    }
    Ok(is_changed.then(|| [&line[..=first], &target, &line[last..]].concat()))
}

fn percent_encoded(target: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(target.len());
    for byte in target {
        if is_plain(*byte) {
            encoded.push(*byte);
        } else {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    encoded
}

/// The characters of methods and of headers' names.
fn is_token(byte: u8) -> bool {
    const SET: [bool; 256] = alphanumeric_and(b"!#$%&'*+-.^_`|~");
    SET[usize::from(byte)]
}

/// The characters of a URI, and the brackets, which every reader takes.
fn is_plain(byte: u8) -> bool {
    const SET: [bool; 256] = alphanumeric_and(b"-._~:/?[]@!$&'()*+,;=%");
    SET[usize::from(byte)]
}

/// A table, because each byte of each head is looked up.
const fn alphanumeric_and(more: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        set[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < more.len() {
        set[more[at] as usize] = true;
        at += 1;
    }
    set
}

/// Whether a value has a control character that none may have. All of it is looked at, which is faster than to stop.
fn has_control(value: &[u8]) -> bool {
    value.iter().fold(false, |found, byte| found | ((*byte < b' ') & (*byte != b'\t')) | (*byte == 127))
}

/// What the headers say about the request's end.
#[derive(Debug, Default)]
struct Facts<'a> {
    hosts: usize,
    lengths: Vec<&'a [u8]>,
    codings: Vec<&'a [u8]>,
    upgrades: bool,
    /// To HTTP/2, which most paths do not take.
    offers_http2: bool,
}

impl<'a> Facts<'a> {
    /// `headers` begins with the end of the request line.
    fn of(headers: &'a [u8]) -> Result<Self, Refusal> {
        let mut facts = Self::default();
        let mut count = 0;
        let mut rest = headers.strip_prefix(b"\n").unwrap_or(headers);
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest[..end].trim_ascii_end();
            rest = rest.get(end + 1..).unwrap_or_default();
            if line.is_empty() {
                continue;
            }
            let colon = memchr::memchr(b':', line);
            let Some((name, value)) = colon.map(|colon| (&line[..colon], &line[colon + 1..])) else {
                return Err(Refusal::bad("a header has no colon"));
            };
            if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
                let blank = name.is_empty() || name.iter().any(u8::is_ascii_whitespace);
                return Err(Refusal::bad(match blank {
                    true => "a header has no name, or white space in it",
                    false => "a header has a character in its name that none has",
                }));
            }
            if has_control(value) {
                return Err(Refusal::bad("a header has a control character in its value"));
            }
            count += 1;
            if name.len() > LONGEST_NAME || count > MOST_HEADERS {
                let message = format!(
                    "the request has more than {MOST_HEADERS} headers, or one whose name is longer than {LONGEST_NAME} bytes"
                );
                return Err(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message));
            }
            facts.add(name, value.trim_ascii());
        }
        if facts.hosts > 1 {
            return Err(Refusal::bad("the request has more than one Host header"));
        }
        Ok(facts)
    }

    fn add(&mut self, name: &[u8], value: &'a [u8]) {
        if name.eq_ignore_ascii_case(b"host") {
            self.hosts += 1;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.lengths.push(value);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.codings.push(value);
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.upgrades |= hijack::is_taken(value);
            self.offers_http2 |= hijack::is_http2(value);
        }
    }

    fn body(&self) -> Result<BodyLength, Refusal> {
        match (self.lengths.as_slice(), self.codings.as_slice()) {
            ([], []) => Ok(BodyLength::Bytes(0)),
            ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Ok(BodyLength::Chunked),
            ([length, more @ ..], []) if more.iter().all(|other| other == length) => {
                let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
                let number = std::str::from_utf8(length).ok().filter(|_| digits);
                // The upper half of the numbers is nobody's length, and the library's own marks.
                let number = number.and_then(|text| text.parse().ok()).filter(|length| *length < 1 << 63);
                number.map(BodyLength::Bytes).ok_or_else(|| Refusal::bad("Content-Length is no length"))
            }
            (_, []) => Err(Refusal::bad("the request has Content-Length headers that differ")),
            ([], _) => Err(Refusal::new(
                StatusCode::NOT_IMPLEMENTED,
                "no other Transfer-Encoding than chunked is supported",
            )),
            _ => Err(Refusal::bad("the request has both Content-Length and Transfer-Encoding")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_end_at_a_blank_line() {
        for (text, end) in [
            ("GET / HTTP/1.1\r\nHost: d\r\n\r\nrest", Some(27)),
            ("GET / HTTP/1.1\nHost: d\n\nrest", Some(24)),
            ("GET / HTTP/1.1\r\nHost: d\r\n\r", None),
            ("GET / HTTP/1.1\r\n", None),
            ("", None),
        ] {
            assert_eq!(end_of(text.as_bytes(), 0), end, "{text:?}");
            for scanned in 0..text.len() {
                assert_eq!(
                    end_of(&text.as_bytes()[..scanned], 0).or_else(|| end_of(text.as_bytes(), scanned)),
                    end
                );
            }
        }
    }

    #[test]
    fn targets_become_uris() {
        for (target, expected) in [
            ("/containers/json", "/containers/json"),
            (r#"/c/json?filters={"name":["x"]}"#, "/c/json?filters=%7B%22name%22:[%22x%22]%7D"),
            ("/a?b=<>|\\^`#", "/a?b=%3C%3E%7C%5C%5E%60%23"),
            ("/images/ä", "/images/%C3%A4"),
            ("/a%2Fb?x=%zz", "/a%2Fb?x=%zz"),
        ] {
            let text = format!("GET {target} HTTP/1.1\r\nHost: d\r\n\r\n");
            let head = read(text.as_bytes()).unwrap();
            let expected = format!("GET {expected} HTTP/1.1\r\nHost: d\r\n\r\n");
            assert_eq!(String::from_utf8_lossy(&head.bytes), expected);
        }
    }

    #[test]
    fn the_end_of_the_body_is_known() {
        let body = |headers: &str| {
            read(format!("POST / HTTP/1.1\r\n{headers}\r\n").as_bytes()).map(|head| head.body)
        };
        assert_eq!(body("Host: d\r\n"), Ok(BodyLength::Bytes(0)));
        assert_eq!(body("content-length:  12 \r\n"), Ok(BodyLength::Bytes(12)));
        assert_eq!(body("Content-Length: 1\r\nContent-Length: 1\r\n"), Ok(BodyLength::Bytes(1)));
        assert_eq!(body("Transfer-Encoding: Chunked\r\n"), Ok(BodyLength::Chunked));
        assert_eq!(
            body("Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n"),
            Ok(BodyLength::Rest)
        );
        assert_eq!(body("Upgrade: h2c\r\nContent-Length: 2\r\n"), Ok(BodyLength::Bytes(2)));
        let plain = read(b"POST /exec/1/start HTTP/1.1\r\nContent-Length: 2\r\n\r\n").unwrap();
        assert!(plain.disguised && plain.body == BodyLength::Rest);
    }

    #[test]
    fn what_readers_differ_about_is_refused() {
        for (text, named) in [
            ("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "Host"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "Host"),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "differ"),
            ("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", "no length"),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "no length"),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "chunked"),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                "chunked",
            ),
            ("GET /a b HTTP/1.1\r\n\r\n", "request line"),
            ("GET /a\x01b HTTP/1.1\r\n\r\n", "control"),
            ("GET\r\n\r\n", "request line"),
            ("GET  HTTP/1.1\r\n\r\n", "request line"),
            ("G(T / HTTP/1.1\r\n\r\n", "method"),
            ("GET / HTTP/2.0\r\n\r\n", "version"),
            ("GET ? HTTP/1.1\r\n\r\n", "URI"),
            ("GET / HTTP/1.1\r\nX(: a\r\n\r\n", "name"),
            ("GET / HTTP/1.1\r\nX: a\x1bb\r\n\r\n", "control"),
            ("POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n", "no length"),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "white space"),
            ("GET / HTTP/1.1\r\n folded\r\n\r\n", "colon"),
            ("GET / HTTP/1.1\r\n: a\r\n\r\n", "no name"),
        ] {
            let refusal = read(text.as_bytes()).unwrap_err();
            assert!(refusal.message.contains(named), "{text:?}: {}", refusal.message);
        }
    }
}
