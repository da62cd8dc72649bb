//! A build from its request to its image: the client's files, the engine's builder, and what it tells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cove_api::{
    BuildContext, BuildOptions, BuildReport, BuildSecret, BuildText, Credentials, Engine, Error,
    OtherContext, Progress as Told, Result, ValueStream,
};
use cove_tree::Root;
use futures_util::{StreamExt as _, stream};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::attributes::{Frontend, Other};
use crate::dockerfile::{self, Needs};
use crate::mirror::{Mirror, Mirrors};
use crate::output::Output;
use crate::progress::{Progress, watching};
use crate::session::{AgentSocket, Session, Sessions, Wanted};

/// How the names of archives begin that clients send in place of a folder.
const UPLOAD: &str = "http://buildkit-session/";

/// Where builds are done.
pub(crate) struct Workshop {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) sessions: Sessions,
    mirrors: OnceCell<Mirrors>,
}

impl Workshop {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, sessions: Sessions::new(), mirrors: OnceCell::new() }
    }

    /// The folders of clients, which are beside the engine's store.
    pub(crate) async fn mirrors(&self) -> Result<Mirrors> {
        let mirrors = self.mirrors.get_or_try_init(|| async {
            let info = self.engine.system().info().await?;
            let root = info.store.get("graphRoot").and_then(serde_json::Value::as_str).unwrap_or_default();
            match root.is_empty() {
                true => Err(Error::internal("the engine has no store")),
                false => Ok(Mirrors::new(PathBuf::from(root).join("cove/build-mirrors"))),
            }
        });
        mirrors.await.cloned()
    }

    /// Builds and answers the image's id. Dropping the answer ends the build.
    pub(crate) async fn build(
        &self,
        frontend: Frontend,
        output: &Output,
        session: &str,
        progress: &Arc<Progress>,
    ) -> Result<String> {
        let session = self.sessions.find(session).await.map_err(|status| Error::invalid(status.message()))?;
        let work = self.work(frontend, output, &session, progress);
        tokio::select! {
            built = work => built,
            () = session.closed() => Err(Error::new(cove_api::ErrorKind::Cancelled, "the client's session has ended")),
        }
    }

    async fn work(
        &self,
        mut frontend: Frontend,
        output: &Output,
        session: &Session,
        progress: &Arc<Progress>,
    ) -> Result<String> {
        let parameters = output.applied(std::mem::take(&mut frontend.parameters))?;
        let mut options = parameters.options()?;
        let mirrors = self.mirrors().await?;
        let key = session.shared_key();
        let key = (!key.is_empty()).then(|| format!("{key}\n{}", frontend.context_folder));
        let mirror = Arc::new(blocking(move || mirrors.take(key.as_deref())).await?);
        let files =
            Files { sessions: &self.sessions, session, frontend: &frontend, mirror: &mirror, progress };
        let mut context = files.main(&mut options).await?;
        context.others = files.others().await?;
        let text = context.files.first().map_or(&[][..], |file| &file.text);
        let mut needs = Needs::of(text, &options.build_args);
        for (_, other) in &frontend.others {
            if let Other::Image(image) = other {
                needs.further(image);
            }
        }
        context.secrets = files.secrets(&needs).await?;
        options.access.registries = files.credentials(&needs).await?;
        // They live as long as the build.
        let agents = files.agents(&needs)?;
        context.agents = agents.iter().map(|(id, socket)| (id.clone(), socket.path.clone())).collect();
        self.run(context, options, mirror, &frontend.warnings, progress).await
    }

    async fn run(
        &self,
        mut context: BuildContext,
        options: BuildOptions,
        mirror: Arc<Mirror>,
        warnings: &[String],
        progress: &Arc<Progress>,
    ) -> Result<String> {
        let given_up = context.given_up.clone();
        if !warnings.is_empty() {
            let step = progress.begin("[internal] what is asked for");
            warnings.iter().for_each(|warning| step.warn(warning));
            step.done();
        }
        context.watch = Some(watching(progress));
        let told = self.engine.images().build(context, options).await?;
        let mut running = Running { told: Some(told), given_up, mirror: Some(mirror) };
        loop {
            match running.next().await {
                // Steps are told by themselves.
                Some(Ok(Told::Message(_) | Told::Blob(_))) => {}
                Some(Ok(Told::Done(BuildReport { id, failed: None, .. }))) => return Ok(id),
                Some(Ok(Told::Done(BuildReport { failed: Some(failed), .. }))) => {
                    return Err(Error::new(cove_api::ErrorKind::Internal, failed.message));
                }
                Some(Err(error)) => return Err(error),
                None => return Err(Error::internal("the build ended without a word")),
            }
        }
    }
}

/// A build of the engine. One that is dropped before its end is given up, and the folder that it reads is nobody else's
/// until it has noticed.
struct Running {
    told: Option<ValueStream<Told<BuildReport>>>,
    given_up: CancellationToken,
    mirror: Option<Arc<Mirror>>,
}

impl Running {
    async fn next(&mut self) -> Option<Result<Told<BuildReport>>> {
        let next = match &mut self.told {
            Some(told) => told.next().await,
            None => None,
        };
        if next.is_none() {
            self.told = None;
        }
        next
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut told) = self.told.take() {
            let mirror = self.mirror.take();
            self.given_up.cancel();
            tokio::spawn(async move {
                while told.next().await.is_some() {}
                drop(mirror);
            });
        }
    }
}

/// The files of a client, for one build.
struct Files<'a> {
    sessions: &'a Sessions,
    session: &'a Session,
    frontend: &'a Frontend,
    mirror: &'a Arc<Mirror>,
    progress: &'a Arc<Progress>,
}

impl Files<'_> {
    /// The context and its build file, wherever they are.
    async fn main(&self, options: &mut BuildOptions) -> Result<BuildContext> {
        let frontend = self.frontend;
        let of_archive = |archive| BuildContext::of_archive(archive);
        if frontend.remote.is_empty() {
            let (file, ignore) = self.texts().await?;
            let directory = self.context(&ignore).await?;
            return Ok(BuildContext {
                directory: Some(directory),
                files: vec![file],
                ignore: Some(ignore),
                ..of_archive(Box::pin(stream::empty()))
            });
        }
        let mut context = match frontend.remote.strip_prefix(UPLOAD) {
            Some(path) => of_archive(self.session.upload(path).await?),
            None => BuildContext { remote: frontend.remote.clone(), ..of_archive(Box::pin(stream::empty())) },
        };
        if frontend.has_own_file {
            context.files = vec![self.file().await?.0];
        } else {
            options.files = vec![frontend.file.clone()];
        }
        Ok(context)
    }

    /// The further contexts.
    async fn others(&self) -> Result<Vec<(String, OtherContext)>> {
        let mut others = Vec::new();
        for (place, (name, other)) in self.frontend.others.iter().enumerate() {
            let other = match other {
                Other::Image(image) => OtherContext::Image(image.clone()),
                Other::Url(url) => OtherContext::Url(url.clone()),
                Other::Local(folder) => {
                    let told = format!("[internal] load build context {name}");
                    let wanted = Wanted { name: folder.clone(), ..Wanted::default() };
                    OtherContext::Folder(self.receive(wanted, &format!("other-{place}"), &told).await?)
                }
            };
            others.push((name.clone(), other));
        }
        Ok(others)
    }

    /// The build file, and the rules of what is ignored, which are empty where there are none.
    async fn texts(&self) -> Result<(BuildText, BuildText)> {
        let (file, rules) = self.file().await?;
        let ignore = match rules {
            Some(rules) => rules,
            None => self.rules().await?,
        };
        Ok((file, ignore))
    }

    /// The build file, and the rules that are its own.
    async fn file(&self) -> Result<(BuildText, Option<BuildText>)> {
        let name = &self.frontend.file;
        let rules = format!("{name}.dockerignore");
        let wanted = Wanted {
            name: self.frontend.file_folder.clone(),
            include: vec![name.clone(), rules.clone()],
            ..Wanted::default()
        };
        let folder =
            self.receive(wanted, "file", &format!("[internal] load build definition from {name}")).await?;
        let found = {
            let (name, rules) = (name.clone(), rules.clone());
            blocking(move || {
                let root = Root::open(&folder)?;
                Ok((cove_build::read_text(&root, &name)?, cove_build::read_text(&root, &rules)?))
            })
            .await?
        };
        let (Some(text), own_rules) = found else {
            return Err(Error::not_found(format!(
                "failed to read dockerfile: open {name}: no such file or directory"
            )));
        };
        let own_rules = own_rules.map(|text| BuildText { name: rules, text });
        Ok((BuildText { name: name.clone(), text }, own_rules))
    }

    /// The rules of the context.
    async fn rules(&self) -> Result<BuildText> {
        const NAME: &str = ".dockerignore";
        let wanted = Wanted {
            name: self.frontend.context_folder.clone(),
            include: vec![NAME.to_owned()],
            ..Wanted::default()
        };
        let folder = self.receive(wanted, "rules", "[internal] load .dockerignore").await?;
        let text = blocking(move || cove_build::read_text(&Root::open(&folder)?, NAME)).await?;
        Ok(BuildText { name: NAME.to_owned(), text: text.unwrap_or_default() })
    }

    /// The context, as a folder of ours.
    async fn context(&self, ignore: &BuildText) -> Result<PathBuf> {
        let wanted = Wanted {
            name: self.frontend.context_folder.clone(),
            exclude: dockerfile::patterns(&ignore.text),
            ..Wanted::default()
        };
        self.receive(wanted, "context", "[internal] load build context").await
    }

    async fn receive(&self, wanted: Wanted, name: &str, told: &str) -> Result<PathBuf> {
        let step = self.progress.begin(told);
        let received = self.received(&wanted, name).await;
        match received {
            Ok((folder, text)) => {
                step.output(&format!("{text}\n"));
                step.done();
                Ok(folder)
            }
            Err(error) => {
                step.failed(&error.message);
                Err(error)
            }
        }
    }

    async fn received(&self, wanted: &Wanted, name: &str) -> Result<(PathBuf, String)> {
        let other = match self.frontend.sessions.get(&wanted.name) {
            Some(id) => {
                Some(self.sessions.find(id).await.map_err(|status| Error::invalid(status.message()))?)
            }
            None => None,
        };
        let session = other.as_ref().unwrap_or(self.session);
        let (mirror, own) = (Arc::clone(self.mirror), name.to_owned());
        let (apply, folder) = blocking(move || Ok((mirror.apply(&own)?, mirror.folder(&own)?))).await?;
        let received = session.receive(wanted, apply, Arc::clone(self.mirror)).await?;
        let text = format!(
            "{} entries, {} files with {} bytes sent",
            received.entries, received.files, received.bytes
        );
        Ok((folder, text))
    }

    /// The secrets that a build file asks for, as far as the client has them.
    async fn secrets(&self, needs: &Needs) -> Result<Vec<BuildSecret>> {
        let mut secrets = Vec::new();
        for id in &needs.secrets {
            if let Some(data) = self.session.secret(id).await? {
                secrets.push(BuildSecret { id: id.clone(), data });
            }
        }
        Ok(secrets)
    }

    /// What the client has for the registries that a build file names.
    async fn credentials(&self, needs: &Needs) -> Result<BTreeMap<String, Credentials>> {
        let mut all = BTreeMap::new();
        for registry in &needs.registries {
            let found = match self.session.credentials(dockerfile::host(registry)).await {
                Ok(found) => found,
                // As without any: the registry says whether it needs them.
                Err(error) => {
                    tracing::debug!(%error, "credentials of a client");
                    None
                }
            };
            let Some((username, secret)) = found else { continue };
            // Without a name it is a token.
            let credentials = match username.is_empty() {
                true => Credentials { identity_token: secret, ..Credentials::default() },
                false => Credentials { username, password: secret, ..Credentials::default() },
            };
            all.insert(registry.clone(), credentials);
        }
        Ok(all)
    }

    /// Sockets by which the agents are reached that a build file asks for.
    fn agents(&self, needs: &Needs) -> Result<Vec<(String, AgentSocket)>> {
        let mut agents = Vec::new();
        for (place, id) in needs.agents.iter().enumerate() {
            let folder = self.mirror.folder("agents")?;
            if let Some(socket) = self.session.agent(id, folder, &place.to_string())? {
                agents.push((id.clone(), socket));
            }
        }
        Ok(agents)
    }
}

/// Work that blocks, on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Error::internal(error.to_string())))
}
