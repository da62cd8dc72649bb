//! A file from an ordinary web server.

use futures_util::stream;
use http::Method;
use reqwest::{Response, Url};

use super::http::{Http, Request, describe, without_url};
use super::options::RegistryOptions;
use crate::error::{Error, Result};
use crate::image::BlobStream;

/// The contents of an `http` or `https` address, as they come. Redirects are followed, but never from https to http.
///
/// # Errors
/// It is no such address, the server cannot be reached or has it not. What breaks later comes through the stream.
pub async fn download(address: &str) -> Result<BlobStream> {
    let wrong = |reason: &str| Error::InvalidLocation { input: address.into(), reason: reason.into() };
    let url = Url::parse(address).map_err(|_| wrong("it is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("only http and https are fetched"));
    }
    let http = Http::new(RegistryOptions::default());
    let response = http.send(&Request::new(Method::GET, url, false)).await?;
    if !response.status().is_success() {
        let (url, status) = (describe(response.url()), response.status().as_u16());
        return Err(Error::Status { url, status, detail: String::new() });
    }
    let coming = Coming { subject: describe(response.url()), http, response };
    Ok(Box::pin(stream::try_unfold(coming, |mut coming| async move {
        let limit = coming.http.options.stall_timeout;
        match tokio::time::timeout(limit, coming.response.chunk()).await {
            Ok(Ok(Some(piece))) => Ok(Some((piece, coming))),
            Ok(Ok(None)) => Ok(None),
            Ok(Err(error)) => {
                Err(Error::io(coming.subject, std::io::Error::other(without_url(error))).into_io())
            }
            Err(_) => Err(coming.http.timeout(coming.subject.clone()).into_io()),
        }
    })))
}

/// A file on its way.
struct Coming {
    subject: String,
    http: Http,
    response: Response,
}
