//! A build from its request to its image: the client's files, the engine's builder, and what it tells.

use std::path::PathBuf;
use std::sync::Arc;

use cove_api::{
    BuildContext, BuildOptions, BuildReport, BuildSecret, BuildText, Engine, Error, Progress as Told, Result,
    ValueStream,
};
use cove_tree::Root;
use futures_util::{StreamExt as _, stream};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::attributes::Frontend;
use crate::dockerfile::{self, Needs};
use crate::mirror::{Mirror, Mirrors};
use crate::output::Output;
use crate::progress::Progress;
use crate::session::{Session, Sessions, Wanted};

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
        let options = parameters.options()?;
        if let Some((name, other)) = frontend.others.first() {
            return Err(Error::unsupported(format!(
                "the build context {name} ({other:?}) is not supported yet"
            )));
        }
        let mirrors = self.mirrors().await?;
        let key = session.shared_key();
        let key = (!key.is_empty()).then(|| format!("{key}\n{}", frontend.context_folder));
        let mirror = blocking(move || mirrors.take(key.as_deref())).await?;
        let files =
            Files { sessions: &self.sessions, session, frontend: &frontend, mirror: &mirror, progress };
        let (file, ignore) = files.texts().await?;
        let secrets = files.secrets(&file.text).await?;
        let directory = files.context(&ignore).await?;
        let context = BuildContext {
            directory: Some(directory),
            files: vec![file],
            ignore: Some(ignore),
            secrets,
            ..BuildContext::of_archive(Box::pin(stream::empty()))
        };
        self.run(context, options, mirror, &frontend.warnings, progress).await
    }

    async fn run(
        &self,
        context: BuildContext,
        options: BuildOptions,
        mirror: Mirror,
        warnings: &[String],
        progress: &Arc<Progress>,
    ) -> Result<String> {
        let given_up = context.given_up.clone();
        let step = progress.begin("building");
        for warning in warnings {
            step.warn(warning);
        }
        let told = match self.engine.images().build(context, options).await {
            Ok(told) => told,
            Err(error) => {
                step.failed(&error.message);
                return Err(error);
            }
        };
        let mut running = Running { told: Some(told), given_up, mirror: Some(mirror) };
        let ended = loop {
            match running.next().await {
                Some(Ok(Told::Message(line))) => step.output(&format!("{line}\n")),
                Some(Ok(Told::Blob(_))) => {}
                Some(Ok(Told::Done(BuildReport { id, failed: None }))) => break Ok(id),
                Some(Ok(Told::Done(BuildReport { failed: Some(failed), .. }))) => {
                    break Err(Error::new(cove_api::ErrorKind::Internal, failed.message));
                }
                Some(Err(error)) => break Err(error),
                None => break Err(Error::internal("the build ended without a word")),
            }
        };
        match &ended {
            Ok(_) => step.done(),
            Err(error) => step.failed(&error.message),
        }
        ended
    }
}

/// A build of the engine. One that is dropped before its end is given up, and the folder that it reads is nobody else's
/// until it has noticed.
struct Running {
    told: Option<ValueStream<Told<BuildReport>>>,
    given_up: CancellationToken,
    mirror: Option<Mirror>,
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
    mirror: &'a Mirror,
    progress: &'a Arc<Progress>,
}

impl Files<'_> {
    /// The build file, and the rules of what is ignored, which are empty where there are none.
    async fn texts(&self) -> Result<(BuildText, BuildText)> {
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
        let ignore = match own_rules {
            Some(text) => BuildText { name: rules, text },
            None => self.rules().await?,
        };
        Ok((BuildText { name: name.clone(), text }, ignore))
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
        let received = session.receive(wanted, self.mirror.apply(name)?).await?;
        let text = format!(
            "{} entries, {} files with {} bytes sent",
            received.entries, received.files, received.bytes
        );
        Ok((self.mirror.folder(name)?, text))
    }

    /// The secrets that a build file asks for, as far as the client has them.
    async fn secrets(&self, file: &[u8]) -> Result<Vec<BuildSecret>> {
        let mut secrets = Vec::new();
        for id in Needs::of(file).secrets {
            if let Some(data) = self.session.secret(&id).await? {
                secrets.push(BuildSecret { id, data });
            }
        }
        Ok(secrets)
    }
}

/// Work that blocks, on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Error::internal(error.to_string())))
}
