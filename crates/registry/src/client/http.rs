//! Requests with bounded redirects, retries and time limits; knows nothing of registries' authentication.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Method, StatusCode};
use reqwest::{Client, Response, Url};
use rustls::RootCertStore;

use super::dns::{Resolver, is_link_local};
use super::failure::{Failure, classify};
use super::options::RegistryOptions;
use super::patience::Patience;
use super::tls;
use crate::error::{Error, Result};

const MAX_REDIRECTS: usize = 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// What the sessions of one [`RegistryClient`](super::RegistryClient) share.
pub(super) struct Http {
    pub(super) options: RegistryOptions,
    roots: OnceLock<RootCertStore>,
    clients: Mutex<HashMap<(String, bool), Client>>,
    patience: Mutex<Patience>,
    /// Addresses of a link are not reached, neither at once nor by a redirect.
    guarded: bool,
}

/// One request; it can be repeated because its body is in memory.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// Sent to the origin of `url` only, never after a redirect to another one.
    pub(super) authorization: Option<HeaderValue>,
    pub(super) insecure: bool,
}

impl Request {
    pub(super) fn new(method: Method, url: Url, insecure: bool) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: None, authorization: None, insecure }
    }

    pub(super) fn form(mut self, body: String) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.body = Some(body.into());
        self
    }
}

impl Http {
    pub(super) fn new(options: RegistryOptions) -> Self {
        let patience = Mutex::new(Patience::new(options.retry.max_asked));
        Self {
            options,
            roots: OnceLock::new(),
            clients: Mutex::new(HashMap::new()),
            patience,
            guarded: false,
        }
    }

    /// One that reaches no address of a link: for what a file from outside names.
    pub(super) fn guarded(options: RegistryOptions) -> Self {
        Self { guarded: true, ..Self::new(options) }
    }

    /// The client for the host of `url`, whose TLS settings are its own.
    pub(super) fn client(&self, url: &Url, insecure: bool) -> Result<Client> {
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => String::new(),
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&(host.clone(), insecure)) {
            return Ok(client.clone());
        }
        let roots = || self.roots.get_or_init(tls::system_roots);
        let config = tls::client_config(&host, &self.options, roots, insecure)?;
        let client = Client::builder()
            .tls_backend_preconfigured(config)
            .dns_resolver(Arc::new(Resolver { guarded: self.guarded }))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(self.options.stall_timeout))
            .user_agent(self.options.user_agent.clone())
            .referer(false)
            .build()
            .map_err(|error| Error::Protocol { registry: host.clone(), reason: error.to_string() })?;
        clients.insert((host, insecure), client.clone());
        Ok(client)
    }

    /// Sends `request` and tries again what may pass: broken connections, 429 and 5xx. What registries ask to wait is
    /// waited up to a limit for all requests.
    pub(super) async fn send(&self, request: &Request) -> Result<Response> {
        let mut waits = self.options.retry.waits();
        loop {
            let wait = match self.follow(request).await {
                Ok(response) if !is_transient(response.status()) => return Ok(response),
                Ok(response) => {
                    let Some(wait) = waits.next() else { return Ok(response) };
                    match retry_after(response.headers()) {
                        Some(asked) => self.agree_to_wait(&response, asked)?,
                        None => wait,
                    }
                }
                Err(failure) => self.wait_after(failure, &mut waits)?,
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// How long to wait before the next try, where one may help and is left.
    pub(super) fn wait_after(
        &self,
        failure: Failure,
        waits: &mut impl Iterator<Item = Duration>,
    ) -> Result<Duration> {
        let helps = failure.transient || self.options.retry.insists && failure.refused;
        match waits.next().filter(|_| helps) {
            Some(wait) => {
                tracing::debug!(error = %failure.error, "trying again");
                Ok(wait)
            }
            None => Err(failure.error),
        }
    }

    /// Answers `asked` where that much may still be waited.
    fn agree_to_wait(&self, response: &Response, asked: Duration) -> Result<Duration> {
        let (url, status) = (describe(response.url()), response.status().as_u16());
        let granted = {
            let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
            patience.grant(asked, Instant::now())
        };
        match granted {
            Ok(()) => {
                if asked >= Duration::from_secs(1) {
                    tracing::warn!("{url}: HTTP status {status}: waiting {} s, as asked", asked.as_secs());
                }
                Ok(asked)
            }
            Err(exhausted) => Err(Error::Busy {
                url,
                status,
                asked: asked.as_secs(),
                waited: exhausted.spent.as_secs(),
                limit: exhausted.limit.as_secs(),
            }),
        }
    }

    /// One try, through at most ten redirects.
    pub(super) async fn follow(&self, request: &Request) -> std::result::Result<Response, Failure> {
        let fatal = Failure::fatal;
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let host = host_of(&url);
            if self.guarded && has_link_local_address(&url) {
                let reason = "an address of a link is refused".to_owned();
                return Err(fatal(Error::Protocol { registry: host, reason }));
            }
            let mut builder = self
                .client(&url, request.insecure)
                .map_err(fatal)?
                .request(request.method.clone(), url.clone())
                .headers(request.headers.clone());
            if let Some(authorization) = &request.authorization
                && same_origin(&url, &request.url)
            {
                builder = builder.header(AUTHORIZATION, authorization.clone());
            }
            if let Some(body) = &request.body {
                builder = builder.body(body.clone());
            }
            let response = self.wait(&host, builder.send()).await?;
            let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            if !is_redirect || !matches!(request.method, Method::GET | Method::HEAD) {
                return Ok(response);
            }
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .and_then(|location| url.join(location).ok());
            let refuse = |reason: String| fatal(Error::Protocol { registry: host.clone(), reason });
            let target = target.ok_or_else(|| refuse("redirect without a usable Location".into()))?;
            match (url.scheme(), target.scheme()) {
                (_, "https") | ("http", "http") => (),
                (_, "http") => {
                    return Err(refuse(format!(
                        "redirect from https to http ({}) refused",
                        describe(&target)
                    )));
                }
                (_, other) => return Err(refuse(format!("redirect to the scheme {other:?} refused"))),
            }
            url = target;
        }
        Err(fatal(Error::Protocol {
            registry: host_of(&request.url),
            reason: format!("more than {MAX_REDIRECTS} redirects for {}", describe(&request.url)),
        }))
    }

    /// Waits for an answer's headers, at most the stall time-out.
    async fn wait(
        &self,
        host: &str,
        answer: impl Future<Output = reqwest::Result<Response>>,
    ) -> std::result::Result<Response, Failure> {
        match tokio::time::timeout(self.options.stall_timeout, answer).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(classify(host, &error)),
            Err(_) => Err(Failure::fatal(self.timeout(host.to_owned()))),
        }
    }

    pub(super) fn timeout(&self, what: String) -> Error {
        Error::Timeout { what, seconds: self.options.stall_timeout.as_secs() }
    }

    /// The whole body, at most `limit` bytes within the stall time-out.
    pub(super) async fn body(&self, mut response: Response, subject: &str, limit: u64) -> Result<Bytes> {
        let too_large = || Error::TooLarge { subject: subject.into(), limit };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let read = async {
            let mut data = BytesMut::new();
            while let Some(piece) = response
                .chunk()
                .await
                .map_err(|error| Error::io(subject, std::io::Error::other(without_url(error))))?
            {
                if data.len() as u64 + piece.len() as u64 > limit {
                    return Err(too_large());
                }
                data.extend_from_slice(&piece);
            }
            Ok(data.freeze())
        };
        tokio::time::timeout(self.options.stall_timeout, read)
            .await
            .unwrap_or_else(|_| Err(self.timeout(subject.to_owned())))
    }
}

/// A reqwest error without its URL, which may hold a signature.
pub(super) fn without_url(error: reqwest::Error) -> reqwest::Error {
    error.without_url()
}

/// Whether the host is written as an address of a link.
fn has_link_local_address(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host.trim_matches(['[', ']']).parse().is_ok_and(is_link_local)
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// `Retry-After` as seconds or as a date; `None` for neither.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let seconds = date.as_second() - jiff::Timestamp::now().as_second();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Host and port, for messages.
pub(super) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "(no host)".to_owned(),
    }
}

/// Without query and user information, for messages.
pub(super) fn describe(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), host_of(url), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_link_are_known_in_all_their_forms() {
        for (address, expected) in [
            ("http://169.254.169.254/latest", true),
            ("http://0xa9fea9fe/", true),
            ("http://2852039166/", true),
            ("http://[fe80::1]/", true),
            ("http://[::ffff:169.254.169.254]/", true),
            ("http://127.0.0.1/", false),
            ("http://example.org/", false),
        ] {
            assert_eq!(has_link_local_address(&Url::parse(address).unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn retry_after_in_all_its_forms() {
        let parse = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            retry_after(&headers)
        };
        assert_eq!(parse("0"), Some(Duration::ZERO));
        assert_eq!(parse("2"), Some(Duration::from_secs(2)));
        assert_eq!(parse("1000000000"), Some(Duration::from_secs(1_000_000_000)));
        assert_eq!(parse("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(parse("Fri, 31 Dec 2100 23:59:59 GMT").unwrap() > Duration::from_secs(60));
        assert_eq!(parse("soon"), None);
        assert_eq!(parse("-5"), None);
    }
}
