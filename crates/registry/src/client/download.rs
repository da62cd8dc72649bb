//! A file from an ordinary web server.

use futures_util::stream;
use http::Method;
use http::header::{CONTENT_DISPOSITION, LAST_MODIFIED};
use reqwest::{Response, Url};

use super::http::{Http, Request, describe, without_url};
use super::options::RegistryOptions;
use crate::error::{Error, Result};
use crate::image::BlobStream;

/// A file of a web server.
pub struct Download {
    /// What it contains, as it comes.
    pub pieces: BlobStream,
    /// How many bytes the server announces.
    pub length: Option<u64>,
    /// Seconds since 1970 at which it was changed.
    pub modified: Option<i64>,
    /// How the server calls it, or the last part of its address; [`None`] where that is nothing. It is a name, not a path.
    pub name: Option<String>,
}

/// The contents of an `http` or `https` address, as they come. Redirects are followed, but never from https to http.
///
/// # Errors
/// It is no such address, the server cannot be reached or has it not. What breaks later comes through the stream.
pub async fn download(address: &str) -> Result<BlobStream> {
    Ok(from(Http::new(RegistryOptions::default()), address).await?.pieces)
}

/// The same for an address that a file from outside names: no address of a link is reached, at once or by a redirect.
///
/// # Errors
/// As [`download`].
pub async fn download_guarded(address: &str) -> Result<Download> {
    from(Http::guarded(RegistryOptions::default()), address).await
}

async fn from(http: Http, address: &str) -> Result<Download> {
    let wrong = |reason: &str| Error::InvalidLocation { input: address.into(), reason: reason.into() };
    let url = Url::parse(address).map_err(|_| wrong("it is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("only http and https are fetched"));
    }
    let name = last_part(&url);
    let response = http.send(&Request::new(Method::GET, url, false)).await?;
    if !response.status().is_success() {
        let (url, status) = (describe(response.url()), response.status().as_u16());
        return Err(Error::Status { url, status, detail: String::new() });
    }
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let modified = header(LAST_MODIFIED).and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    let named = header(CONTENT_DISPOSITION).and_then(file_name);
    let (length, modified) = (response.content_length(), modified.map(|time| time.timestamp().as_second()));
    let coming = Coming { subject: describe(response.url()), http, response };
    let pieces = Box::pin(stream::try_unfold(coming, |mut coming| async move {
        let limit = coming.http.options.stall_timeout;
        match tokio::time::timeout(limit, coming.response.chunk()).await {
            Ok(Ok(Some(piece))) => Ok(Some((piece, coming))),
            Ok(Ok(None)) => Ok(None),
            Ok(Err(error)) => {
                Err(Error::io(coming.subject, std::io::Error::other(without_url(error))).into_io())
            }
            Err(_) => Err(coming.http.timeout(coming.subject.clone()).into_io()),
        }
    }));
    Ok(Download { pieces, length, modified, name: named.or(name) })
}

/// The last part of a path as a name.
fn last_part(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    as_name(&percent_encoding::percent_decode_str(last).decode_utf8().ok()?)
}

/// The name in a `Content-Disposition`.
fn file_name(text: &str) -> Option<String> {
    let value = text.split(';').find_map(|field| field.trim().strip_prefix("filename="))?;
    as_name(value.trim().trim_matches('"'))
}

/// A text that can be the name of a file.
fn as_name(text: &str) -> Option<String> {
    let usable = !matches!(text, "" | "." | "..")
        && text.len() <= 255
        && !text.contains(|character: char| character == '/' || character.is_control());
    usable.then(|| text.to_owned())
}

/// A file on its way.
struct Coming {
    subject: String,
    http: Http,
    response: Response,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_paths() {
        let of = |text: &str| last_part(&Url::parse(text).unwrap());
        assert_eq!(of("https://h/a/b.txt?x=/y#z").as_deref(), Some("b.txt"));
        assert_eq!(of("https://h/a%20b").as_deref(), Some("a b"));
        for none in [
            "https://h",
            "https://h/a/",
            "https://h/a%2Fb",
            "https://h/..",
            "https://h/%2e%2e",
            "https://h/%00",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(file_name("attachment; filename=\"x.tar\"").as_deref(), Some("x.tar"));
        assert_eq!(file_name("attachment; filename=../x"), None);
    }
}
