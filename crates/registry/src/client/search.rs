//! Searching a registry: the first protocol's search, else the catalog of what the registry holds.

use http::Method;
use http::header::{HeaderMap, LINK};
use serde::Deserialize;

use super::open::{RegistryClient, next_page};
use super::session::Session;
use crate::endpoint;
use crate::error::{Error, Result};
use crate::reference::{DEFAULT_REGISTRY, Reference};

/// Where Docker Hub answers searches.
const DOCKER_HUB_SEARCH: &str = "index.docker.io";
const MAX_PAGES: usize = 200;
const MAX_PAGE: u64 = 4 << 20;

/// A repository that a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FoundRepository {
    /// Its name without the registry.
    pub name: String,
    /// What its owner says about it.
    #[serde(deserialize_with = "text")]
    pub description: String,
    /// How many users marked it.
    pub star_count: i64,
    /// The registry's owner keeps it.
    pub is_official: bool,
    /// It is built automatically.
    pub is_automated: bool,
}

fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    results: Option<Vec<FoundRepository>>,
}

#[derive(Deserialize)]
struct Catalog {
    #[serde(default)]
    repositories: Option<Vec<String>>,
}

impl RegistryClient {
    /// The repositories of `registry` whose name or description has `term`; at most `limit`. An empty term finds all
    /// that the registry lists.
    ///
    /// # Errors
    /// The registry is blocked, cannot be reached, refuses, or lists nothing to anybody.
    pub async fn search(&self, registry: &str, term: &str, limit: usize) -> Result<Vec<FoundRepository>> {
        // Any repository name will do to find the registry's settings.
        let probe = Reference::from_parts(registry, "search", None, None)?;
        let endpoint = endpoint::own_endpoint(&self.options().registries, &probe)?;
        let host = match endpoint.reference.registry() {
            DEFAULT_REGISTRY => DOCKER_HUB_SEARCH,
            host => host,
        };
        let session = Session::about(self.shared_http(), host, endpoint.insecure);
        if !term.is_empty()
            && let Some(found) = self.search_first_protocol(&session, term, limit).await
        {
            return Ok(found);
        }
        self.search_catalog(&session, term, limit).await
    }

    /// `None` where the registry has no such search.
    async fn search_first_protocol(
        &self,
        session: &Session,
        term: &str,
        limit: usize,
    ) -> Option<Vec<FoundRepository>> {
        let mut url = session.url("").await.ok()?;
        url.set_path("/v1/search");
        url.query_pairs_mut().append_pair("q", term).append_pair("n", &limit.to_string());
        let response = session.send(Method::GET, url, HeaderMap::new()).await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let subject = format!("{}: search", session.name());
        let body = session.http.body(response, &subject, MAX_PAGE).await.ok()?;
        let found: Found = serde_json::from_slice(&body).ok()?;
        let mut found = found.results.unwrap_or_default();
        found.truncate(limit);
        Some(found)
    }

    async fn search_catalog(
        &self,
        session: &Session,
        term: &str,
        limit: usize,
    ) -> Result<Vec<FoundRepository>> {
        let mut url = session.url("_catalog").await?;
        let mut found: Vec<FoundRepository> = Vec::new();
        for _ in 0..MAX_PAGES {
            let response = session.send(Method::GET, url.clone(), HeaderMap::new()).await?;
            if !response.status().is_success() {
                return Err(session.refused(response).await);
            }
            let next = response.headers().get(LINK).and_then(next_page).map(str::to_owned);
            let subject = format!("{}: catalog", session.name());
            let body = session.http.body(response, &subject, MAX_PAGE).await?;
            let page: Catalog = serde_json::from_slice(&body).map_err(|error| Error::Protocol {
                registry: session.name(),
                reason: format!("malformed catalog: {error}"),
            })?;
            for name in page.repositories.into_iter().flatten().filter(|name| name.contains(term)) {
                if found.len() == limit {
                    break;
                }
                // What is called exactly that comes first.
                let place = if name == term { 0 } else { found.len() };
                found.insert(place, FoundRepository { name, ..FoundRepository::default() });
            }
            match next.and_then(|next| url.join(&next).ok()) {
                Some(next) if found.len() < limit && super::http::same_origin(&next, &url) => url = next,
                _ => break,
            }
        }
        Ok(found)
    }
}
