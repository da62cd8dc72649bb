//! multipart/form-data (RFC 7578): files with names, in a body that is whole and bounded.

use bytes::{Bytes, BytesMut};

use crate::{Error, QuadletFile, Result};

/// Most parts of a body.
const MAX_PARTS: usize = 10_000;
/// Longest head of a part, in bytes.
const MAX_HEAD: usize = 8 << 10;
/// Longest boundary (RFC 2046).
const MAX_BOUNDARY: usize = 70;

/// The boundary that a media type names.
///
/// # Errors
/// It names none, or no valid one.
pub(super) fn boundary(media_type: &str) -> Result<String> {
    let found = parameter(media_type, "boundary")
        .ok_or_else(|| Error::invalid(format!("Content-Type: {media_type}: there is no boundary in it")))?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    if found.is_empty() || found.len() > MAX_BOUNDARY || found.ends_with(' ') || !found.chars().all(allowed) {
        return Err(Error::invalid(format!("Content-Type: {found:?} is no boundary")));
    }
    Ok(found)
}

/// The parts that are files, in their order.
///
/// # Errors
/// The body breaks off or is otherwise none, or there are too many parts.
pub(super) fn read(boundary: &str, body: &Bytes) -> Result<Vec<QuadletFile>> {
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    let broken = || Error::invalid("the multipart body breaks off before its end");
    // The first one may stand at the very beginning.
    let mut at = match body.starts_with(&delimiter[2..]) {
        true => delimiter.len() - 2,
        false => find(body, &delimiter, 0).ok_or_else(broken)? + delimiter.len(),
    };
    let mut files = Vec::new();
    for _ in 0..=MAX_PARTS {
        if body[at..].starts_with(b"--") {
            return Ok(files);
        }
        let line = find(body, b"\r\n", at).ok_or_else(broken)?;
        if !body[at..line].iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(Error::invalid("the multipart body has something behind a boundary"));
        }
        let start = line + 2;
        // The line's end may be that before the next boundary: a part without a head and content.
        let end = find(body, &delimiter, line).ok_or_else(broken)?;
        if let Some(file) = part(body, start, end)? {
            files.push(file);
        }
        at = end + delimiter.len();
    }
    Err(Error::invalid(format!("the multipart body has more than {MAX_PARTS} parts")))
}

/// A part, if it is a file.
fn part(body: &Bytes, start: usize, end: usize) -> Result<Option<QuadletFile>> {
    if start >= end || body[start..end].starts_with(b"\r\n") {
        return Ok(None);
    }
    let Some(head_end) = find(&body[..end], b"\r\n\r\n", start) else {
        return Err(Error::invalid("a part of the multipart body has no end of its head"));
    };
    if head_end - start > MAX_HEAD {
        return Err(Error::invalid(format!("a part's head has more than {MAX_HEAD} bytes")));
    }
    let head = std::str::from_utf8(&body[start..head_end])
        .map_err(|_| Error::invalid("the head of a part is no text"))?;
    let Some(disposition) = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    }) else {
        return Ok(None);
    };
    if parameter(disposition, "filename*").is_some() {
        return Err(Error::unsupported("filename* of a part is not supported: use filename"));
    }
    let name = parameter(disposition, "filename").filter(|name| !name.is_empty());
    Ok(name.map(|name| QuadletFile { name, data: body.slice(head_end + 4..end) }))
}

/// A parameter of a header, quoted or not.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let (_, mut rest) = header.split_once(';')?;
    loop {
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let (text, after) = match value.strip_prefix('"') {
            None => {
                let (text, after) = value.split_once(';').unwrap_or((value, ""));
                (text.trim().to_owned(), after)
            }
            Some(quoted) => {
                let (text, after) = unquoted(quoted)?;
                (text, after.split_once(';').map_or("", |(_, after)| after))
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = after;
    }
}

/// A quoted text up to its end, and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[place + 1..])),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// The body of files, and its boundary, which none of them has in it.
///
/// # Errors
/// A name has a control character.
pub(super) fn write(files: &[QuadletFile]) -> Result<(String, Bytes)> {
    let boundary = (0_u64..)
        .map(|number| format!("cove-quadlet-{number}"))
        .find(|boundary| files.iter().all(|file| find(&file.data, boundary.as_bytes(), 0).is_none()))
        .unwrap_or_default();
    let mut body = BytesMut::new();
    for QuadletFile { name, data } in files {
        if name.chars().any(char::is_control) {
            return Err(Error::invalid(format!("{name:?} cannot be the name of a file")));
        }
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"quadlet\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(data);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((boundary, body.freeze()))
}

fn find(body: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    body.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|place| from + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(body: &str) -> Result<Vec<(String, String)>> {
        let files = read("B", &Bytes::copy_from_slice(body.as_bytes()))?;
        let text = |file: QuadletFile| (file.name, String::from_utf8(file.data.to_vec()).unwrap());
        Ok(files.into_iter().map(text).collect())
    }

    #[test]
    fn there_and_back() {
        let file = |name: &str, data: &'static [u8]| QuadletFile { name: name.into(), data: data.into() };
        let files = [
            file("web.container", b"[Container]\n"),
            file("a\"b\\c", b"\r\n--cove-quadlet-0\r\n\xff"),
            file("empty", b""),
        ];
        let (boundary, body) = write(&files).unwrap();
        assert_eq!(boundary, "cove-quadlet-1");
        assert_eq!(read(&boundary, &body).unwrap(), files);
        assert!(write(&[file("a\nb", b"")]).is_err());
        let (boundary, body) = write(&[]).unwrap();
        assert!(read(&boundary, &body).unwrap().is_empty());
    }

    #[test]
    fn as_others_write_it() {
        let disposition = "Content-Disposition: form-data; name=\"f\"";
        let text = format!(
            "before\r\n--B \t\r\nX: y\r\ncontent-disposition: form-data; FileName = a.pod ; x=\"1;2\"\r\n\r\n1\r\n2\r\n\
             --B\r\n{disposition}\r\n\r\nno file\r\n--B\r\n\r\nno head\r\n--B\r\n\
             {disposition}; filename=\"../../etc/x\"\r\n\r\n\r\n--B--after"
        );
        let expected = [("a.pod", "1\r\n2"), ("../../etc/x", "")];
        assert_eq!(
            read_text(&text).unwrap(),
            expected.map(|(name, data)| (name.to_owned(), data.to_owned()))
        );
        assert!(read_text("--B--").unwrap().is_empty());
    }

    #[test]
    fn bodies_that_are_none() {
        for (text, expected) in [
            ("", "breaks off"),
            ("--B", "breaks off"),
            ("--B\r\n", "breaks off"),
            ("--B\r\nX: y\r\n\r\ndata", "breaks off"),
            ("--Bx\r\n\r\n--B--", "behind a boundary"),
            ("--B\r\nX: y\r\n--B--", "no end of its head"),
            ("--B\r\nContent-Disposition: form-data; filename*=UTF-8''a\r\n\r\n\r\n--B--", "filename*"),
        ] {
            let error = read_text(text).unwrap_err();
            assert!(error.message.contains(expected), "{text:?}: {error}");
        }
        let long = format!("--B\r\nX: {}\r\n\r\n\r\n--B--", "y".repeat(MAX_HEAD));
        assert!(read_text(&long).unwrap_err().message.contains("head has more"));
        let many = "--B\r\n\r\n\r\n".repeat(MAX_PARTS + 2);
        assert!(read_text(&many).unwrap_err().message.contains("parts"));
    }

    #[test]
    fn boundaries() {
        for (text, expected) in [
            ("multipart/form-data; boundary=abc", Some("abc")),
            ("multipart/form-data; charset=x; boundary=\"a b\"", Some("a b")),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=\"a\\\"b\"", None),
            ("multipart/form-data; boundary=\"a", None),
        ] {
            assert_eq!(boundary(text).ok().as_deref(), expected, "{text}");
        }
        assert!(boundary(&format!("x; boundary={}", "a".repeat(71))).is_err());
    }
}
