//! Server-side apply: the cluster merges what is said here with what it has, and knows whose each field is.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::error::{ClusterError, Result};
use crate::objects::{Object, Objects, is_segment};
use crate::ready::{Readiness, readiness};

/// By which name the cluster notes whose the fields are.
const MANAGER: &str = "cove";
/// The namespace where nobody says one.
const DEFAULT_NAMESPACE: &str = "default";
/// How often is asked whether something is ready.
const PAUSE: Duration = Duration::from_secs(1);

/// How it is applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// The namespace, in place of the context's.
    pub namespace: Option<String>,
    /// The cluster checks everything and keeps nothing.
    pub dry_run: bool,
    /// Fields that others manage are taken over.
    pub force: bool,
}

/// An object that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for what is in none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// It was not there before.
    pub created: bool,
    path: String,
}

impl std::fmt::Display for Applied {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&shown(&self.kind, &self.namespace, &self.name))
    }
}

fn shown(kind: &str, namespace: &str, name: &str) -> String {
    if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") }
}

/// Where objects of a kind are.
#[derive(Debug, Clone)]
struct Resource {
    plural: String,
    is_namespaced: bool,
}

impl Cluster {
    /// Applies objects one after another and tells of each. Kinds that the cluster does not have, and namespaces that
    /// contradict each other, are refused before the first.
    ///
    /// # Errors
    /// The cluster cannot be reached or refuses one; those before it stay.
    pub async fn apply(
        &self,
        objects: &Objects,
        options: &ApplyOptions,
        tell: &mut impl FnMut(&Applied),
    ) -> Result<Vec<Applied>> {
        if let Some(namespace) = options.namespace.as_deref().filter(|namespace| !is_segment(namespace)) {
            return Err(ClusterError::Invalid(format!("{namespace:?} is no name of a namespace")));
        }
        let mut groups = BTreeMap::new();
        let mut planned = Vec::new();
        for object in &objects.0 {
            if !groups.contains_key(&object.api_version) {
                groups.insert(object.api_version.clone(), self.resources(&object.api_version).await?);
            }
            let resource = groups
                .get(&object.api_version)
                .and_then(|group| group.get(&object.kind))
                .ok_or_else(|| unknown(object))?;
            let namespace = match resource.is_namespaced {
                true => self.namespace(object, options)?,
                false => String::new(),
            };
            planned.push((object, resource.clone(), namespace));
        }
        let mut done = Vec::new();
        for (object, resource, namespace) in planned {
            let applied = self.patch(object, &resource, namespace, options).await?;
            tell(&applied);
            done.push(applied);
        }
        Ok(done)
    }

    /// The kinds of a version of an API; none where the cluster does not have it.
    async fn resources(&self, api_version: &str) -> Result<BTreeMap<String, Resource>> {
        let path = group_path(api_version);
        let what = || format!("asking for the kinds of {api_version}");
        let body = match self.ask(Method::GET, &path, None, what).await {
            Err(ClusterError::Refused { status: 404, .. }) => return Ok(BTreeMap::new()),
            answered => answered?.body,
        };
        let mut resources = BTreeMap::new();
        for resource in body.get("resources").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| resource.get(key).and_then(Value::as_str).unwrap_or_default();
            let (kind, plural) = (text("kind"), text("name"));
            // One with a slash is a part of another, such as `pods/status`.
            if !kind.is_empty() && is_segment(plural) {
                let is_namespaced = resource.get("namespaced").and_then(Value::as_bool) == Some(true);
                let found = Resource { plural: plural.to_owned(), is_namespaced };
                resources.entry(kind.to_owned()).or_insert(found);
            }
        }
        Ok(resources)
    }

    /// The namespace of an object: its own, else that of the options, of the context, or the usual one.
    fn namespace(&self, object: &Object, options: &ApplyOptions) -> Result<String> {
        let asked = options.namespace.as_deref().unwrap_or_default();
        if !object.namespace.is_empty() && !asked.is_empty() && object.namespace != asked {
            return Err(ClusterError::Invalid(format!(
                "{} {} is in the namespace {:?} by its metadata, and in {asked:?} by --ns",
                object.kind, object.name, object.namespace
            )));
        }
        let all = [object.namespace.as_str(), asked, self.access.namespace(), DEFAULT_NAMESPACE];
        let found = all.into_iter().find(|namespace| !namespace.is_empty()).unwrap_or(DEFAULT_NAMESPACE);
        match is_segment(found) {
            true => Ok(found.to_owned()),
            false => Err(ClusterError::Invalid(format!("{found:?} is no name of a namespace"))),
        }
    }

    async fn patch(
        &self,
        object: &Object,
        resource: &Resource,
        namespace: String,
        options: &ApplyOptions,
    ) -> Result<Applied> {
        let mut path = group_path(&object.api_version);
        if !namespace.is_empty() {
            path += &format!("/namespaces/{namespace}");
        }
        path += &format!("/{}/{}", resource.plural, object.name);
        let mut target = format!("{path}?fieldManager={MANAGER}&force={}", options.force);
        if options.dry_run {
            target += "&dryRun=All";
        }
        // JSON is YAML.
        let body = ("application/apply-patch+yaml", object.value.to_string().into());
        let what = || format!("applying {}", shown(&object.kind, &namespace, &object.name));
        let answered = self.ask(Method::PATCH, &target, Some(body), what).await?;
        Ok(Applied {
            kind: object.kind.clone(),
            name: object.name.clone(),
            created: answered.status == StatusCode::CREATED,
            namespace,
            path,
        })
    }

    /// Waits until all of them are ready: pods, and what makes pods.
    ///
    /// # Errors
    /// One is not in time, or has failed; the text says which and why.
    pub async fn wait(&self, applied: &[Applied], limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        for one in applied {
            loop {
                let what = || format!("looking at {one}");
                let found = self.ask(Method::GET, &one.path, None, what).await?.body;
                let why = match readiness(&one.kind, &found) {
                    Readiness::Ready => break,
                    Readiness::Failed(why) => {
                        return Err(ClusterError::NotReady(format!("{one} has failed: {why}")));
                    }
                    Readiness::NotYet(why) => why,
                };
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(ClusterError::NotReady(format!(
                        "{one} is not ready within {} seconds: {why}",
                        limit.as_secs()
                    )));
                }
                tokio::time::sleep(left.min(PAUSE)).await;
            }
        }
        Ok(())
    }
}

/// Where a version of an API is.
fn group_path(api_version: &str) -> String {
    if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") }
}

fn unknown(object: &Object) -> ClusterError {
    let Object { kind, api_version, name, .. } = object;
    ClusterError::Invalid(format!(
        "the cluster knows no {kind} of {api_version}, which {name:?} is; where a CustomResourceDefinition makes it known, \
         apply that alone first"
    ))
}
