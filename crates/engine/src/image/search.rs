//! Searching registries.

use std::sync::Arc;

use cove_api::{Error, Filters, Result, SearchOptions, SearchResult};
use cove_registry::{FoundRepository, Reference, RegistryClient};
use futures_util::{StreamExt as _, stream};

use crate::engine::{Core, blocking};
use crate::filter;
use crate::image::registry;

/// How many results a registry is asked for where nothing is said.
const USUAL: u32 = 25;
/// How many registries are asked at once.
const PARALLEL: usize = 6;

/// What registries have that the term names; an error only where no registry has anything and one of them failed.
pub(super) async fn search(
    core: &Arc<Core>,
    term: &str,
    options: SearchOptions,
) -> Result<Vec<SearchResult>> {
    if term.is_empty() {
        return Err(Error::invalid("search requires exactly one argument"));
    }
    let term = term.strip_prefix("docker://").unwrap_or(term);
    let filter = Filter::new(&options.filters)?;
    if options.list_tags && !options.filters.is_empty() {
        return Err(Error::invalid("filters are not applicable to list tags result"));
    }
    let (client, unqualified) = {
        let access = options.access.clone();
        blocking(core, move |core| {
            Ok((registry::client(core, &access)?, core.registries()?.unqualified_search.clone()))
        })
        .await?
    };
    // What stands before the first slash is the registry; the rest may be anything, also what no reference can be.
    let (registries, word) = match term.split_once('/') {
        Some((registry, word)) => (vec![registry.to_owned()], word),
        None => (unqualified, term),
    };
    if registries.is_empty() {
        return Err(Error::invalid(format!(
            "{term}: no registry to search: name one, such as docker.io/{term}, or set unqualified-search-registries in registries.conf"
        )));
    }
    let limit = match options.limit {
        0 => USUAL as usize,
        limit => limit as usize,
    };
    let (word, list_tags) = (word.to_owned(), options.list_tags);
    let asked = registries.into_iter().map(move |registry| {
        let (client, word) = (client.clone(), word.clone());
        async move {
            if list_tags {
                tags(&client, &registry, &word, limit).await
            } else {
                repositories(&client, &registry, &word, limit).await
            }
        }
    });
    let answers: Vec<_> = stream::iter(asked).buffered(PARALLEL).collect().await;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(mut results) => found.append(&mut results),
            Err(error) => failures.push(error),
        }
    }
    if found.is_empty() && !failures.is_empty() {
        return Err(match failures.len() {
            1 => failures.remove(0),
            count => Error::new(failures[0].kind, format!("{count} errors occurred while searching:"))
                .with_lines(failures.iter().map(|error| format!("* {error}"))),
        });
    }
    found.retain(|result| options.list_tags || filter.matches(result));
    Ok(found)
}

async fn repositories(
    client: &RegistryClient,
    registry: &str,
    word: &str,
    limit: usize,
) -> Result<Vec<SearchResult>> {
    let found = client
        .search(registry, word, limit)
        .await
        .map_err(|error| Error::from(error).context(format!("couldn't search registry {registry:?}")))?;
    Ok(found.into_iter().map(|found| result(registry, found)).collect())
}

fn result(registry: &str, found: FoundRepository) -> SearchResult {
    let mark = |is: bool| if is { "[OK]".to_owned() } else { String::new() };
    let library = if registry == "docker.io" && !found.name.contains('/') { "library/" } else { "" };
    SearchResult {
        index: registry.to_owned(),
        name: format!("{registry}/{library}{}", found.name),
        description: found.description,
        stars: found.star_count,
        official: mark(found.is_official),
        automated: mark(found.is_automated),
        tag: String::new(),
    }
}

async fn tags(
    client: &RegistryClient,
    registry: &str,
    word: &str,
    limit: usize,
) -> Result<Vec<SearchResult>> {
    let name = format!("{registry}/{word}");
    let reference = Reference::parse(&name)
        .map_err(|_| Error::invalid(format!("reference {name:?} must be a docker reference")))?;
    let tags = client
        .tags(&reference)
        .await
        .map_err(|error| Error::from(error).context("getting repository tags"))?;
    let tagged = |tag| SearchResult {
        index: registry.to_owned(),
        name: reference.name(),
        tag,
        ..SearchResult::default()
    };
    Ok(tags.into_iter().take(limit).map(tagged).collect())
}

/// Which results are wanted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filter {
    stars: i64,
    official: Option<bool>,
    automated: Option<bool>,
}

impl Filter {
    fn new(filters: &Filters) -> Result<Self> {
        let mut filter = Self::default();
        for (key, values) in filters {
            match key.as_str() {
                "stars" => {
                    for value in values {
                        let stars = value.parse().map_err(|_| {
                            Error::invalid(format!(
                                "incorrect value type for stars filter: {value:?} is no number"
                            ))
                        })?;
                        filter.stars = filter.stars.max(stars);
                    }
                }
                "is-official" => filter.official = Some(filter::truth(key, values)?),
                "is-automated" => filter.automated = Some(filter::truth(key, values)?),
                _ => return Err(Error::invalid(format!("invalid filter type {key:?}"))),
            }
        }
        Ok(filter)
    }

    fn matches(&self, result: &SearchResult) -> bool {
        let agrees = |wanted: Option<bool>, mark: &str| wanted.is_none_or(|wanted| wanted != mark.is_empty());
        result.stars >= self.stars
            && agrees(self.official, &result.official)
            && agrees(self.automated, &result.automated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pairs: &[(&str, &str)]) -> Result<Filter> {
        Filter::new(&pairs.iter().map(|(key, value)| ((*key).into(), vec![(*value).into()])).collect())
    }

    #[test]
    fn filters_are_read_and_obeyed() {
        let official = SearchResult { stars: 5, official: "[OK]".into(), ..SearchResult::default() };
        let other = SearchResult { stars: 2, ..SearchResult::default() };
        let passes = |pairs: &[(&str, &str)]| {
            let filter = filter(pairs).unwrap();
            (filter.matches(&official), filter.matches(&other))
        };
        assert_eq!(passes(&[]), (true, true));
        assert_eq!(passes(&[("stars", "3")]), (true, false));
        assert_eq!(passes(&[("is-official", "false")]), (false, true));
        assert_eq!(passes(&[("is-automated", "true")]), (false, false));
        for wrong in [("stars", "many"), ("colour", "red"), ("is-official", "perhaps")] {
            assert!(filter(&[wrong]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn official_images_of_docker_hub_are_in_its_library() {
        let found = |name: &str| FoundRepository { name: name.into(), ..FoundRepository::default() };
        assert_eq!(result("docker.io", found("busybox")).name, "docker.io/library/busybox");
        assert_eq!(result("docker.io", found("a/b")).name, "docker.io/a/b");
        assert_eq!(result("quay.io", found("busybox")).name, "quay.io/busybox");
    }
}
