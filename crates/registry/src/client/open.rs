//! The entry points: opening images, listing tags, checking a login.

use std::sync::Arc;

use ::http::header::{HeaderMap, LINK};
use ::http::{HeaderValue, Method};
use cove_config::{Credentials, Registries};
use serde::Deserialize;

use super::destination::{PushOptions, RegistryDestination};
use super::http::Http;
use super::options::RegistryOptions;
use super::session::{Access, Session};
use super::source::RegistrySource;
use crate::endpoint::{self, Candidates};
use crate::error::{Error, Result};
use crate::reference::Reference;

const MAX_TAG_PAGES: usize = 200;
const MAX_TAG_PAGE: u64 = 4 << 20;

/// Talks to registries. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct RegistryClient {
    http: Arc<Http>,
}

impl RegistryClient {
    /// With this configuration; nothing is contacted yet.
    pub fn new(options: RegistryOptions) -> Self {
        Self { http: Arc::new(Http::new(options)) }
    }

    /// The configuration.
    pub fn options(&self) -> &RegistryOptions {
        &self.http.options
    }

    pub(super) fn shared_http(&self) -> Arc<Http> {
        self.http.clone()
    }

    fn registries(&self) -> &Registries {
        &self.http.options.registries
    }

    /// What a user's input can stand for. With `docker_hub_only` a short name always means Docker Hub, as in
    /// Docker's API.
    ///
    /// # Errors
    /// [`Error::InvalidReference`], or [`Error::ShortName`] where the configuration gives no candidate.
    pub fn candidates(&self, input: &str, docker_hub_only: bool) -> Result<Candidates> {
        endpoint::candidates(self.registries(), input, docker_hub_only)
    }

    /// Opens an image at its mirrors and then at its own place, and fetches its manifest or index.
    ///
    /// # Errors
    /// The registry cannot be reached, refuses, or has no such image.
    pub async fn open(&self, reference: &Reference) -> Result<RegistrySource> {
        let mut causes = Vec::new();
        let places = endpoint::endpoints(self.registries(), reference)?;
        let own = places.last().map(|place| place.reference.registry().to_owned());
        for endpoint in places {
            let is_own = own.as_deref() == Some(endpoint.reference.registry());
            let http = match self.http.options.for_own_place && !is_own {
                true => Arc::new(Http::new(self.http.options.clone().anonymous())),
                false => self.http.clone(),
            };
            let session = Session::new(http, &endpoint.reference, endpoint.insecure, Access::Pull);
            match RegistrySource::open(session, reference, &endpoint.reference).await {
                Ok(source) => return Ok(source),
                Err(error) => causes.push((endpoint.reference.to_string(), error)),
            }
        }
        Err(combine(&reference.to_string(), causes))
    }

    /// A destination that pushes to `reference`. Nothing is contacted yet.
    ///
    /// # Errors
    /// The configuration blocks the registry.
    pub fn destination(&self, reference: &Reference, options: PushOptions) -> Result<RegistryDestination> {
        let endpoint = endpoint::own_endpoint(self.registries(), reference)?;
        let mut session =
            Session::new(self.http.clone(), &endpoint.reference, endpoint.insecure, Access::Push);
        session.mount_from = options
            .mount_from
            .iter()
            .filter(|other| other.registry() == reference.registry())
            .map(|other| other.repository().to_owned())
            .filter(|other| other != endpoint.reference.repository())
            .collect();
        Ok(RegistryDestination::new(session, endpoint.reference, reference.clone(), options))
    }

    /// All tags of a repository.
    ///
    /// # Errors
    /// As [`RegistryClient::open`].
    pub async fn tags(&self, reference: &Reference) -> Result<Vec<String>> {
        let endpoint = endpoint::own_endpoint(self.registries(), reference)?;
        let session = Session::new(self.http.clone(), &endpoint.reference, endpoint.insecure, Access::Pull);
        let mut url = session.url("tags/list").await?;
        let mut tags = Vec::new();
        for _ in 0..MAX_TAG_PAGES {
            let response = session.send(Method::GET, url.clone(), HeaderMap::new()).await?;
            if response.status().as_u16() == 404 {
                return Err(Error::RepositoryUnknown { name: session.name() });
            }
            if !response.status().is_success() {
                return Err(session.refused(response).await);
            }
            let next = response.headers().get(LINK).and_then(next_page).map(str::to_owned);
            let subject = format!("{}: list of tags", session.name());
            let body = self.http.body(response, &subject, MAX_TAG_PAGE).await?;
            let page: TagPage = serde_json::from_slice(&body).map_err(|error| Error::Protocol {
                registry: session.name(),
                reason: format!("malformed list of tags: {error}"),
            })?;
            tags.extend(page.tags.unwrap_or_default());
            let Some(next) = next.and_then(|next| url.join(&next).ok()) else { return Ok(tags) };
            // Behind a proxy a registry does not know how it is called: only the path is its own.
            url.set_path(next.path());
            url.set_query(next.query());
        }
        Err(Error::Protocol {
            registry: session.name(),
            reason: format!(
                "its list of tags has more than {MAX_TAG_PAGES} pages: name the tags that are wanted"
            ),
        })
    }

    /// Whether `registry` accepts these credentials: what a login checks before it stores them.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when it does not, or the registry cannot be reached.
    pub async fn check_login(&self, registry: &str, credentials: Credentials) -> Result<()> {
        // Any repository name will do to find the registry's settings.
        let probe = Reference::from_parts(registry, "login", None, None)?;
        let endpoint = endpoint::own_endpoint(self.registries(), &probe)?;
        let session = Session::for_registry(
            self.http.clone(),
            endpoint.reference.registry(),
            endpoint.insecure,
            credentials,
        );
        let url = session.url("").await?;
        let response = session.send(Method::GET, url, HeaderMap::new()).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(session.refused(response).await)
    }
}

fn combine(input: &str, mut causes: Vec<(String, Error)>) -> Error {
    match causes.len() {
        1 => causes.remove(0).1,
        _ => Error::AllCandidates { image: input.into(), causes },
    }
}

#[derive(Deserialize)]
struct TagPage {
    tags: Option<Vec<String>>,
}

/// `<URL>; rel="next"` (RFC 8288).
pub(super) fn next_page(link: &HeaderValue) -> Option<&str> {
    let text = link.to_str().ok()?;
    let (url, parameters) = text.strip_prefix('<')?.split_once('>')?;
    parameters.contains("next").then_some(url)
}
