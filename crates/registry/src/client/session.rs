//! One registry and repository: which scheme it speaks, and the authorization that its requests carry.

use std::sync::Arc;

use base64::Engine as _;
use cove_config::Credentials;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use reqwest::{Response, Url};
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};

use super::challenge::{self, Challenge};
use super::failure::{Failure, message_of, with_colon};
use super::http::{Http, Request, describe, host_of, same_origin};
use crate::error::{Error, Result};
use crate::reference::{DEFAULT_REGISTRY, Reference};

const DOCKER_HUB_HOST: &str = "registry-1.docker.io";
const MAX_TOKEN: u64 = 1 << 20;
const MAX_ERROR_BODY: u64 = 64 << 10;

/// What a session may do in its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Pull,
    Push,
    /// Deleting, too.
    Everything,
}

impl Access {
    fn scope(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
            Self::Everything => "*",
        }
    }
}

/// Requests to one repository.
pub(super) struct Session {
    pub(super) http: Arc<Http>,
    /// As users name it.
    registry: String,
    /// `None` for requests about the registry as a whole.
    repository: Option<String>,
    access: Access,
    insecure: bool,
    base: OnceCell<Url>,
    credentials: OnceCell<Option<Credentials>>,
    authorization: Mutex<Option<HeaderValue>>,
    /// Other repositories of the registry that blobs may be mounted from.
    pub(super) mount_from: Vec<String>,
    /// Whether tokens are for the list of repositories.
    of_catalog: bool,
}

impl Session {
    pub(super) fn new(http: Arc<Http>, reference: &Reference, insecure: bool, access: Access) -> Self {
        let repository = Some(reference.repository().to_owned());
        Self::build(http, reference.registry(), repository, insecure, access)
    }

    /// A session about the registry itself, with credentials in place of those that the lookup finds.
    pub(super) fn for_registry(
        http: Arc<Http>,
        registry: &str,
        insecure: bool,
        credentials: Credentials,
    ) -> Self {
        let mut session = Self::build(http, registry, None, insecure, Access::Pull);
        session.credentials = OnceCell::new_with(Some(Some(credentials)));
        session
    }

    /// A session about the registry itself, with the credentials that the lookup finds.
    pub(super) fn about(http: Arc<Http>, registry: &str, insecure: bool) -> Self {
        let mut session = Self::build(http, registry, None, insecure, Access::Pull);
        session.of_catalog = true;
        session
    }

    fn build(
        http: Arc<Http>,
        registry: &str,
        repository: Option<String>,
        insecure: bool,
        access: Access,
    ) -> Self {
        let insecure = match http.options.tls_verify {
            Some(verify) => !verify,
            None => insecure,
        };
        Self {
            http,
            registry: registry.to_owned(),
            repository,
            access,
            insecure,
            base: OnceCell::new(),
            credentials: OnceCell::new(),
            authorization: Mutex::new(None),
            mount_from: Vec::new(),
            of_catalog: false,
        }
    }

    /// `REGISTRY/REPOSITORY`, for messages and for finding credentials.
    pub(super) fn name(&self) -> String {
        match &self.repository {
            Some(repository) => format!("{}/{repository}", self.registry),
            None => self.registry.clone(),
        }
    }

    /// The URL of `path` beneath the repository, such as `manifests/latest`; beneath `/v2/` without a repository.
    pub(super) async fn url(&self, path: &str) -> Result<Url> {
        let base = self.base().await?;
        let whole = match &self.repository {
            Some(repository) => format!("/v2/{repository}/{path}"),
            None => format!("/v2/{path}"),
        };
        base.join(&whole)
            .map_err(|error| Error::Protocol { registry: self.registry.clone(), reason: error.to_string() })
    }

    async fn base(&self) -> Result<&Url> {
        self.base.get_or_try_init(|| self.find_base()).await
    }

    /// HTTPS; for insecure registries whichever of HTTPS and HTTP answers.
    async fn find_base(&self) -> Result<Url> {
        let host = if self.registry == DEFAULT_REGISTRY { DOCKER_HUB_HOST } else { &self.registry };
        let base = |scheme: &str| {
            Url::parse(&format!("{scheme}://{host}/")).map_err(|error| Error::Unreachable {
                registry: self.registry.clone(),
                reason: format!("not a usable host name: {error}"),
            })
        };
        let secure = base("https")?;
        if !self.insecure {
            return Ok(secure);
        }
        let plain = base("http")?;
        let mut waits = self.http.options.retry.waits();
        loop {
            match self.answering(&secure, &plain).await {
                Ok(answers) => return Ok(answers),
                Err(failure) => tokio::time::sleep(self.http.wait_after(failure, &mut waits)?).await,
            }
        }
    }

    /// Which of the two answers now: asked anew at each try, for a server may just be starting.
    async fn answering(&self, secure: &Url, plain: &Url) -> std::result::Result<Url, Failure> {
        let ping = |base: &Url| {
            let mut url = base.clone();
            url.set_path("/v2/");
            Request::new(Method::GET, url, true)
        };
        match self.http.follow(&ping(secure)).await {
            Ok(_) => return Ok(secure.clone()),
            Err(failure) if !failure.maybe_plain => return Err(failure),
            // Something answered, and not in TLS.
            Err(failure) if !failure.transient && !failure.refused => return Ok(plain.clone()),
            Err(_) => {}
        }
        let response = self.http.follow(&ping(plain)).await?;
        // So servers answer plain HTTP that speak TLS by now.
        let is_tls = response.status() == StatusCode::BAD_REQUEST;
        Ok(if is_tls { secure.clone() } else { plain.clone() })
    }

    /// Sends a request to this registry, answering its challenge once.
    pub(super) async fn send(&self, method: Method, url: Url, headers: HeaderMap) -> Result<Response> {
        let mut request = Request::new(method, url, self.insecure);
        request.headers = headers;
        self.send_request(request).await
    }

    pub(super) async fn send_request(&self, mut request: Request) -> Result<Response> {
        let base = self.base().await?.clone();
        let ours = same_origin(&request.url, &base);
        request.authorization = if ours { self.authorization.lock().await.clone() } else { None };
        let response = self.http.send(&request).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !same_origin(response.url(), &base) {
            return Ok(response);
        }
        let challenges = challenge::parse(response.headers());
        if challenges.is_empty() {
            return Ok(response);
        }
        drop(response);
        self.authorize(&challenges, request.authorization.as_ref()).await?;
        request.authorization = self.authorization.lock().await.clone();
        self.http.send(&request).await
    }

    /// The header for a request that cannot be repeated; [`Session::send`] must have succeeded before.
    pub(super) async fn authorization_for(&self, url: &Url) -> Result<Option<HeaderValue>> {
        let ours = same_origin(url, self.base().await?);
        Ok(if ours { self.authorization.lock().await.clone() } else { None })
    }

    pub(super) fn is_insecure(&self) -> bool {
        self.insecure
    }

    /// Answers a challenge, unless another request has done so since `used` was read.
    async fn authorize(&self, challenges: &[Challenge], used: Option<&HeaderValue>) -> Result<()> {
        let mut current = self.authorization.lock().await;
        if current.as_ref() != used {
            return Ok(());
        }
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm, service)),
            Challenge::Basic => None,
        });
        *current = Some(match bearer {
            Some((realm, service)) => match self.given_token().await? {
                Some(header) if used == Some(&header) => {
                    return Err(
                        self.unauthorized("authentication required: the registry refuses the given token")
                    );
                }
                Some(header) => header,
                None => self.fetch_token(realm, service.as_deref()).await?,
            },
            None => {
                let credentials = self.credentials().await?.ok_or_else(|| {
                    self.unauthorized("authentication required: log in to the registry first")
                })?;
                let header = basic(&credentials)?;
                if used == Some(&header) {
                    return Err(self.unauthorized("authentication required: invalid username/password"));
                }
                header
            }
        });
        Ok(())
    }

    /// The token for the registry itself, where the credentials are one.
    async fn given_token(&self) -> Result<Option<HeaderValue>> {
        let credentials = self.credentials().await?;
        let Some(token) = credentials.as_ref().and_then(Credentials::registry_token) else { return Ok(None) };
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| self.unauthorized("the given token has characters that no header may have"))?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    async fn credentials(&self) -> Result<Option<Credentials>> {
        let found = self.credentials.get_or_try_init(|| self.look_up(self.name())).await?;
        Ok(found.clone())
    }

    async fn look_up(&self, key: String) -> Result<Option<Credentials>> {
        let lookup = self.http.options.credentials.clone();
        let failed = |reason: String| Error::Unauthorized {
            what: self.name(),
            detail: format!("reading credentials: {reason}"),
        };
        match tokio::task::spawn_blocking(move || lookup.lookup(&key)).await {
            Ok(result) => result.map_err(failed),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn unauthorized(&self, detail: impl Into<String>) -> Error {
        Error::Unauthorized { what: self.name(), detail: detail.into() }
    }

    async fn fetch_token(&self, realm: &str, service: Option<&str>) -> Result<HeaderValue> {
        let refuse = |reason: String| Error::Protocol { registry: self.registry.clone(), reason };
        let base = self.base().await?;
        let mut url =
            Url::parse(realm).map_err(|error| refuse(format!("its token server is no URL: {error}")))?;
        if !(url.scheme() == "https" || (url.scheme() == "http" && base.scheme() == "http")) {
            return Err(refuse(format!(
                "it names a token server with the scheme {:?}: refused, because credentials and tokens would be readable",
                url.scheme()
            )));
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let scope = self
            .repository
            .as_ref()
            .map(|repository| format!("repository:{repository}:{}", self.access.scope()))
            .or_else(|| self.of_catalog.then(|| "registry:catalog:*".to_owned()));
        let credentials = self.credentials_for(&url, base).await?;
        let had_credentials = credentials.is_some();
        let token = credentials.as_ref().and_then(Credentials::identity_token);
        let request = match token {
            Some(token) => {
                let mut form = url::form(&[
                    ("grant_type", "refresh_token"),
                    ("client_id", "cove"),
                    ("refresh_token", token),
                ]);
                for (key, value) in [("service", service), ("scope", scope.as_deref())] {
                    if let Some(value) = value {
                        form.push('&');
                        form.push_str(&url::form(&[(key, value)]));
                    }
                }
                Request::new(Method::POST, url.clone(), self.insecure).form(form)
            }
            None => {
                if let Some(service) = service {
                    url.query_pairs_mut().append_pair("service", service);
                }
                if let Some(scope) = &scope {
                    url.query_pairs_mut().append_pair("scope", scope);
                }
                for other in &self.mount_from {
                    url.query_pairs_mut().append_pair("scope", &format!("repository:{other}:pull"));
                }
                let mut request = Request::new(Method::GET, url.clone(), self.insecure);
                if let Some(credentials) = &credentials {
                    request.url.query_pairs_mut().append_pair("account", &credentials.username);
                    request.authorization = Some(basic(credentials)?);
                }
                request
            }
        };
        let response =
            self.http.send(&request).await.map_err(|error| error.of_token_server(&self.registry))?;
        let status = response.status();
        if !status.is_success() {
            let said = self.error_message(response).await;
            let known = matches!(status.as_u16(), 400 | 401 | 403);
            return Err(match (known, had_credentials) {
                (true, true) => self.unauthorized(format!(
                    "unable to retrieve auth token: invalid username/password{}",
                    with_colon(&said)
                )),
                (true, false) => self.unauthorized(format!(
                    "authentication required: log in to the registry first{}",
                    with_colon(&said)
                )),
                _ => {
                    Error::Status { url: describe(&url), status: status.as_u16(), detail: with_colon(&said) }
                        .of_token_server(&self.registry)
                }
            });
        }
        let body = self.http.body(response, &format!("token of {}", host_of(&url)), MAX_TOKEN).await?;
        let token: TokenBody = serde_json::from_slice(&body)
            .map_err(|_| refuse("its token server did not answer with a token".into()))?;
        let token = token
            .token
            .or(token.access_token)
            .filter(|token| !token.is_empty())
            .ok_or_else(|| refuse("its token server answered without a token".into()))?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| refuse("its token server sent a malformed token".into()))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// The registry's credentials if the token server belongs to it, else those that the user keeps for the token
    /// server itself.
    async fn credentials_for(&self, realm: &Url, base: &Url) -> Result<Option<Credentials>> {
        let place = |url: &Url| {
            (
                url.host_str().unwrap_or_default().to_ascii_lowercase(),
                url.port_or_known_default().unwrap_or_default(),
            )
        };
        let (registry, server) = (place(base), place(realm));
        if challenge::same_site((&registry.0, registry.1), (&server.0, server.1)) {
            return self.credentials().await;
        }
        self.look_up(host_of(realm)).await
    }

    /// What the body of an error answer says.
    pub(super) async fn error_message(&self, response: Response) -> String {
        match self.http.body(response, "error answer", MAX_ERROR_BODY).await {
            Ok(body) => message_of(&body),
            Err(_) => String::new(),
        }
    }

    /// The error for an answer that is no success.
    pub(super) async fn refused(&self, response: Response) -> Error {
        let status = response.status().as_u16();
        let url = describe(response.url());
        let said = self.error_message(response).await;
        match status {
            401 => {
                let has = matches!(self.credentials.get(), Some(Some(_)));
                self.unauthorized(format!(
                    "{}{}",
                    if has {
                        "authentication required: invalid username/password, or no right to this repository"
                    } else {
                        "authentication required: log in to the registry first"
                    },
                    with_colon(&said)
                ))
            }
            403 => Error::Denied {
                what: self.name(),
                detail: if said.is_empty() {
                    "requested access to the resource is denied".into()
                } else {
                    said
                },
            },
            _ => Error::Status { url, status, detail: with_colon(&said) },
        }
    }
}

#[derive(Deserialize)]
struct TokenBody {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

fn basic(credentials: &Credentials) -> Result<HeaderValue> {
    let pair = format!("{}:{}", credentials.username, credentials.password());
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).map_err(|_| Error::Unauthorized {
        what: credentials.username.clone(),
        detail: "the credentials cannot be sent".into(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}

mod url {
    //! Form encoding through the URL type that reqwest brings.

    /// `KEY=VALUE&…`, encoded.
    pub(super) fn form(pairs: &[(&str, &str)]) -> String {
        let Ok(mut url) = reqwest::Url::parse("http://form.invalid/") else { return String::new() };
        url.query_pairs_mut().extend_pairs(pairs);
        url.query().unwrap_or_default().to_owned()
    }
}
