//! `/images`.

use async_trait::async_trait;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Exists;
use super::auth::{Access, AuthConfig};
use super::body::{Archive, Json};
use super::declare::{Endpoint, delete, get, post};
use super::exec::Made;
use super::parameters::{Both, Nothing};
use super::progress::Steps;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::wire::NotDone;
use crate::{
    BuildContext, BuildOptions, BuildReport, ByteStream, CopyPolicy, Credentials, Distribution, Error,
    ImageCopyOptions, ImageDocuments, ImageExplanation, ImageHistoryRow, ImageInspect, ImageListOptions,
    ImagePruneOptions, ImageRemoveOptions, ImageRemoveReport, ImageSummary, Images, ImportOptions,
    LoadReport, LoginReport, Progress, PruneReport, PullOptions, PullReport, PushOptions, PushReport,
    RegistryAccess, ResolvedNames, Result, SaveOptions, SearchOptions, SearchResult, ValueStream,
};

type PullParameters = Both<Pull, Both<PullOptions, Access>>;
type CopyParameters = Both<Ends, Both<ImageCopyOptions, Access>>;
type SearchParameters = Both<SearchTerm, Both<SearchOptions, Access>>;
pub(super) type PushParameters = Both<Push, Both<PushOptions, Access>>;

const LIST: Endpoint<(), ImageListOptions, (), Json<Vec<ImageSummary>>> =
    get("/images/json", "List images, newest first");
const PULL: Endpoint<(), PullParameters, (), Steps<PullReport>> =
    post("/images/pull", "Bring an image from a registry or another transport");
const LOAD: Endpoint<(), Nothing, Archive, Json<LoadReport>> =
    post("/images/load", "Load every image of an archive");
const IMPORT: Endpoint<(), Both<ImportOptions, From>, Archive, Json<Made>> =
    post("/images/import", "Make an image of one layer from a tar of a file system");
const EXPORT: Endpoint<(), Both<References, SaveOptions>, (), Archive> =
    get("/images/export", "Write images to an archive");
const PUSH: Endpoint<String, PushParameters, (), Steps<PushReport>> =
    post("/images/{name}/push", "Bring an image to a registry");
const COPY: Endpoint<(), CopyParameters, (), Steps<PushReport>> =
    post("/images/copy", "Copy an image between the store and a registry");
const DOCUMENTS: Endpoint<String, Nothing, (), Json<ImageDocuments>> =
    get("/images/{name}/documents", "The manifest and the configuration of an image, as they came");
const REMOVE: Endpoint<(), Both<Names, ImageRemoveOptions>, (), Json<ImageRemoveReport>> =
    delete("/images/remove", "Remove images, going on past errors");
const PRUNE: Endpoint<(), ImagePruneOptions, (), Json<Vec<PruneReport>>> =
    post("/images/prune", "Remove the images that no container uses");
const SEARCH: Endpoint<(), SearchParameters, (), Json<Vec<SearchResult>>> =
    get("/images/search", "Search registries for images");
const EXPLAIN: Endpoint<String, Both<PullOptions, Access>, (), Json<ImageExplanation>> =
    get("/images/{name}/explain", "Where the name of an image leads, without pulling it");
const RESOLVE: Endpoint<String, Nothing, (), Json<ResolvedNames>> =
    get("/images/{name}/resolve", "The references that a name can mean; no registry is asked");
const DISTRIBUTION: Endpoint<String, Access, (), Json<Distribution>> =
    get("/images/{name}/distribution", "What a registry says about a name, without pulling it");
const LOGIN: Endpoint<(), Nothing, Json<AuthConfig>, Json<LoginReport>> =
    post("/auth", "Ask a registry whether it takes these credentials; nothing is stored");
const REMOVE_ONE: Endpoint<String, ImageRemoveOptions, (), Json<ImageRemoveReport>> =
    delete("/images/{name}", "Remove an image or one of its names");
const INSPECT: Endpoint<String, Nothing, (), Json<ImageInspect>> =
    get("/images/{name}/json", "All about an image");
const EXISTS: Endpoint<String, Nothing, (), Exists> =
    get("/images/{name}/exists", "Whether an image exists").status(StatusCode::NO_CONTENT);
const HISTORY: Endpoint<String, Nothing, (), Json<Vec<ImageHistoryRow>>> =
    get("/images/{name}/history", "An image's history, newest step first");
const GET: Endpoint<String, SaveOptions, (), Archive> =
    get("/images/{name}/get", "Write an image to an archive");
const FILES: Endpoint<String, Nothing, (), Archive> =
    get("/images/{name}/files", "The files of an image, of all its layers together, as a tar");
const TAG: Endpoint<String, Tag, (), ()> =
    post("/images/{name}/tag", "Give an image a further name").status(StatusCode::CREATED);
const UNTAG: Endpoint<String, Tag, (), ()> =
    post("/images/{name}/untag", "Take a name away from an image, or all").status(StatusCode::CREATED);

/// The parameters of pull that say what to pull and what to send about it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Pull {
    /// The image's name.
    reference: String,
    /// Send the progress of blobs.
    #[serde(default, rename = "pullProgress")]
    progress: bool,
    /// Send no lines for people.
    #[serde(default)]
    quiet: bool,
    /// Answer in Docker's shape.
    #[serde(default, rename = "compatMode")]
    compat_mode: NotDone<bool>,
}

/// The parameter of push that says what to send about it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Push {
    /// Send the end alone.
    pub(super) quiet: bool,
}

/// As libpod's service, whose first clients expected no lines.
impl Default for Push {
    fn default() -> Self {
        Self { quiet: true }
    }
}

/// The parameters of copy that say what is copied where.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Ends {
    /// Where the image is: `containers-storage:NAME` or `docker://NAME`.
    source: String,
    /// Where it goes.
    destination: String,
}

impl Ends {
    /// What a client asks for.
    fn asked(source: &str, destination: &str) -> Result<Self> {
        for end in [source, destination] {
            if !end.starts_with("containers-storage:") && !end.starts_with("docker://") {
                return Err(Error::unsupported(format!(
                    "{end}: it names files of the engine's host: not over a service"
                )));
            }
        }
        Ok(Self { source: source.to_owned(), destination: destination.to_owned() })
    }
}

/// The parameter of import that names another source than the body.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct From {
    /// Where to fetch it.
    url: NotDone<String>,
}

/// The parameter of export that names images.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct References {
    /// Names of images.
    #[serde(deserialize_with = "crate::wire::query::commas")]
    references: Vec<String>,
}

/// The parameter of search that says what to look for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct SearchTerm {
    /// `[REGISTRY/]WORD`.
    term: String,
}

/// The parameter of remove that names images.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Names {
    /// Names or ids of images.
    images: Vec<String>,
}

/// The parameters of tag and untag: a name in two parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tag {
    /// The repository.
    pub repo: String,
    /// The tag.
    pub tag: String,
}

impl Tag {
    /// The two as one name; `None` where neither is there.
    ///
    /// # Errors
    /// There is a tag without a repository.
    pub fn name(self) -> Result<Option<String>> {
        let Self { repo, tag } = self;
        match (repo.is_empty(), tag.is_empty()) {
            (true, true) => Ok(None),
            (true, false) => Err(no_repository()),
            (false, true) => Ok(Some(repo)),
            (false, false) => Ok(Some(format!("{repo}:{tag}"))),
        }
    }

    /// The two as one name.
    ///
    /// # Errors
    /// There is no repository.
    pub fn whole_name(self) -> Result<String> {
        self.name()?.ok_or_else(no_repository)
    }

    fn of(name: &str) -> Self {
        let (repo, tag) = split_tag(name);
        Self { repo: repo.to_owned(), tag: tag.to_owned() }
    }
}

/// Keys never leave this machine.
pub(super) fn no_keys(what: &str) -> Error {
    Error::unsupported(format!("{what} uses keys of the engine's host: not over a service"))
}

fn no_policy() -> Error {
    Error::unsupported("--signature-policy names a file of the engine's host: not over a service")
}

/// Keys never leave this machine.
pub(super) fn refuse_signing(options: &PushOptions) -> Result<()> {
    if !options.signing.is_empty() {
        return Err(no_keys("signing (--sign-by…)"));
    }
    if !options.encryption_keys.is_empty() {
        return Err(no_keys("encrypting (--encryption-key)"));
    }
    match options.signature_policy {
        Some(_) => Err(no_policy()),
        None => Ok(()),
    }
}

fn no_repository() -> Error {
    Error::invalid("parameter repo: it is missing")
}

/// Splits `repository[:tag]` at the colon that begins the tag.
#[must_use]
pub(crate) fn split_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, ""),
    }
}

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(LIST, |engine, Call { parameters, .. }| async move {
        engine.images().list(parameters).await.map(Json)
    });
    routes.add(PULL, |engine, Call { parameters: Both(pull, Both(options, access)), .. }| async move {
        let options = PullOptions { access: access.into(), ..options };
        let progress = engine.images().pull(&pull.reference, options).await?;
        Ok(Steps { progress, with_blobs: pull.progress, with_text: !pull.quiet })
    });
    routes.add(PUSH, |engine, call| async move {
        let Both(push, Both(options, access)) = call.parameters;
        let options = PushOptions { access: access.into(), ..options };
        let progress = engine.images().push(&call.path, options).await?;
        Ok(Steps { progress, with_blobs: !push.quiet, with_text: !push.quiet })
    });
    routes.add(COPY, |engine, Call { parameters: Both(ends, Both(options, access)), .. }| async move {
        let options = ImageCopyOptions { access: access.into(), ..options };
        let Ends { source, destination } = Ends::asked(&ends.source, &ends.destination)?;
        let progress = engine.images().copy(&source, &destination, options).await?;
        Ok(Steps { progress, with_blobs: true, with_text: true })
    });
    routes.add(DOCUMENTS, |engine, Call { path: name, .. }| async move {
        engine.images().documents(&name).await.map(Json)
    });
    routes.add(LOAD, |engine, Call { body: Archive(archive), .. }| async move {
        engine.images().load(archive).await.map(Json)
    });
    routes.add(
        IMPORT,
        |engine, Call { parameters: Both(options, _), body: Archive(archive), .. }| async move {
            Ok(Json(Made { id: engine.images().import(archive, options).await? }))
        },
    );
    routes.add(EXPORT, |engine, Call { parameters: Both(names, mut options), .. }| async move {
        options.multi |= names.references.len() > 1;
        engine.images().save(names.references, options).await.map(Archive)
    });
    routes.add(REMOVE, |engine, Call { parameters: Both(names, options), .. }| async move {
        engine.images().remove(names.images, options).await.map(Json)
    });
    routes.add(PRUNE, |engine, Call { parameters, .. }| async move {
        engine.images().prune(parameters).await.map(Json)
    });
    routes.add(SEARCH, |engine, Call { parameters: Both(asked, Both(options, access)), .. }| async move {
        let options = SearchOptions { access: access.into(), ..options };
        engine.images().search(&asked.term, options).await.map(Json)
    });
    routes.add(EXPLAIN, |engine, Call { path: name, parameters: Both(options, access), .. }| async move {
        let options = PullOptions { access: access.into(), ..options };
        engine.images().explain(&name, options).await.map(Json)
    });
    routes.add(RESOLVE, |engine, Call { path: name, .. }| async move {
        engine.images().resolve(&name).await.map(|names| Json(ResolvedNames { names }))
    });
    routes.add(DISTRIBUTION, |engine, Call { path: name, parameters: access, .. }| async move {
        engine.images().distribution(&name, access.into()).await.map(Json)
    });
    routes.add(LOGIN, |engine, Call { body: Json(login), .. }| async move {
        let (registry, credentials) = login.into_parts();
        engine.images().check_login(&registry, credentials).await?;
        Ok(Json(LoginReport::succeeded()))
    });
    routes.add(REMOVE_ONE, |engine, Call { path: name, parameters, .. }| async move {
        let report = engine.images().remove(vec![name], parameters).await?;
        match report.failure() {
            None => Ok(Json(report)),
            Some(error) => Err(error),
        }
    });
    routes.add(INSPECT, |engine, Call { path: name, .. }| async move {
        engine.images().inspect(&name).await.map(Json)
    });
    routes.add(EXISTS, |engine, Call { path: name, .. }| async move {
        Ok(Exists::new(engine.images().exists(&name).await?, "image", &name))
    });
    routes.add(HISTORY, |engine, Call { path: name, .. }| async move {
        engine.images().history(&name).await.map(Json)
    });
    routes.add(GET, |engine, Call { path: name, parameters, .. }| async move {
        engine.images().save(vec![name], parameters).await.map(Archive)
    });
    routes.add(FILES, |engine, Call { path: name, .. }| async move {
        engine.images().root_files(&name).await.map(Archive)
    });
    routes.add(TAG, |engine, Call { path: name, parameters, .. }| async move {
        engine.images().tag(&name, &parameters.whole_name()?).await
    });
    routes.add(UNTAG, |engine, Call { path: name, parameters, .. }| async move {
        engine.images().untag(&name, parameters.name()?.into_iter().collect()).await
    });
}

#[async_trait]
impl<T: Transport + 'static> Images for Remote<T> {
    async fn pull(&self, name: &str, options: PullOptions) -> Result<ValueStream<Progress<PullReport>>> {
        if options.signature_policy.is_some() {
            return Err(no_policy());
        }
        if !options.decryption_keys.is_empty() {
            return Err(no_keys("decrypting (--decryption-key)"));
        }
        let pull = Pull {
            reference: name.to_owned(),
            progress: true,
            quiet: false,
            compat_mode: NotDone::default(),
        };
        let access = self.access(&options.access).await?;
        let steps = self.call(PULL, (), Both(pull, Both(options, access)), ()).await?;
        Ok(steps.progress)
    }
    async fn push(&self, name: &str, options: PushOptions) -> Result<ValueStream<Progress<PushReport>>> {
        if options.compress_directory {
            return Err(Error::unsupported(
                "--compress writes a folder of the engine's host: not over a service",
            ));
        }
        refuse_signing(&options)?;
        let access = self.access(&options.access).await?;
        let steps = self.call(PUSH, name, Both(Push { quiet: false }, Both(options, access)), ()).await?;
        Ok(steps.progress)
    }
    async fn copy(
        &self,
        source: &str,
        destination: &str,
        options: ImageCopyOptions,
    ) -> Result<ValueStream<Progress<PushReport>>> {
        if options.uses_keys() {
            return Err(no_keys("signing or encrypting"));
        }
        if options.anonymous
            || options.shared_blobs.is_some()
            || options.policy != CopyPolicy::Usual
            || options.signature_places.is_some()
        {
            return Err(Error::unsupported(
                "--*-no-creds, --*-shared-blob-dir, --policy, --insecure-policy and --registries.d are for the engine of this host: not over a service",
            ));
        }
        let access = self.access(&options.access).await?;
        let ends = Ends::asked(source, destination)?;
        let steps = self.call(COPY, (), Both(ends, Both(options, access)), ()).await?;
        Ok(steps.progress)
    }
    async fn documents(&self, name: &str) -> Result<ImageDocuments> {
        self.call(DOCUMENTS, name, Nothing {}, ()).await.map(|Json(documents)| documents)
    }
    async fn list(&self, options: ImageListOptions) -> Result<Vec<ImageSummary>> {
        self.call(LIST, (), options, ()).await.map(|Json(rows)| rows)
    }
    async fn inspect(&self, name: &str) -> Result<ImageInspect> {
        self.call(INSPECT, name, Nothing {}, ()).await.map(|Json(image)| image)
    }
    async fn history(&self, name: &str) -> Result<Vec<ImageHistoryRow>> {
        self.call(HISTORY, name, Nothing {}, ()).await.map(|Json(rows)| rows)
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.call(EXISTS, name, Nothing {}, ()).await.map(|exists| exists.found)
    }
    async fn remove(&self, names: Vec<String>, options: ImageRemoveOptions) -> Result<ImageRemoveReport> {
        let parameters = Both(Names { images: names }, options);
        self.call(REMOVE, (), parameters, ()).await.map(|Json(report)| report)
    }
    async fn prune(&self, options: ImagePruneOptions) -> Result<Vec<PruneReport>> {
        self.call(PRUNE, (), options, ()).await.map(|Json(reports)| reports)
    }
    async fn tag(&self, name: &str, new_name: &str) -> Result<()> {
        self.call(TAG, name, Tag::of(new_name), ()).await
    }
    async fn untag(&self, name: &str, names: Vec<String>) -> Result<()> {
        if names.is_empty() {
            return self.call(UNTAG, name, Tag::default(), ()).await;
        }
        for other in &names {
            self.call(UNTAG, name, Tag::of(other), ()).await?;
        }
        Ok(())
    }
    async fn load(&self, archive: ByteStream) -> Result<LoadReport> {
        self.call(LOAD, (), Nothing {}, Archive(archive)).await.map(|Json(report)| report)
    }
    async fn save(&self, names: Vec<String>, options: SaveOptions) -> Result<ByteStream> {
        let parameters = Both(References { references: names }, options);
        self.call(EXPORT, (), parameters, ()).await.map(|Archive(archive)| archive)
    }
    async fn root_files(&self, name: &str) -> Result<ByteStream> {
        self.call(FILES, name, Nothing {}, ()).await.map(|Archive(archive)| archive)
    }
    async fn explain(&self, name: &str, options: PullOptions) -> Result<ImageExplanation> {
        let access = self.access(&options.access).await?;
        self.call(EXPLAIN, name, Both(options, access), ()).await.map(|Json(explanation)| explanation)
    }
    async fn resolve(&self, name: &str) -> Result<Vec<String>> {
        self.call(RESOLVE, name, Nothing {}, ()).await.map(|Json(resolved)| resolved.names)
    }
    async fn distribution(&self, name: &str, access: RegistryAccess) -> Result<Distribution> {
        let access = self.access(&access).await?;
        self.call(DISTRIBUTION, name, access, ()).await.map(|Json(found)| found)
    }
    async fn check_login(&self, registry: &str, credentials: Credentials) -> Result<()> {
        let login = AuthConfig::new(registry, credentials);
        self.call(LOGIN, (), Nothing {}, Json(login)).await.map(|_| ())
    }
    async fn search(&self, term: &str, options: SearchOptions) -> Result<Vec<SearchResult>> {
        let access = self.access(&options.access).await?;
        let parameters = Both(SearchTerm { term: term.to_owned() }, Both(options, access));
        self.call(SEARCH, (), parameters, ()).await.map(|Json(found)| found)
    }
    async fn import(&self, archive: ByteStream, options: ImportOptions) -> Result<String> {
        let parameters = Both(options, From::default());
        self.call(IMPORT, (), parameters, Archive(archive)).await.map(|Json(made)| made.id)
    }
    async fn build(
        &self,
        context: BuildContext,
        options: BuildOptions,
    ) -> Result<ValueStream<Progress<BuildReport>>> {
        super::build::build(self, context, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_tags_not_ports() {
        assert_eq!(split_tag("localhost:5000/a:1"), ("localhost:5000/a", "1"));
        assert_eq!(split_tag("localhost:5000/a"), ("localhost:5000/a", ""));
    }
}
