//! Doing what changes mean.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::{Seek as _, SeekFrom};
use std::path::PathBuf;

use cove_api::{
    CopyToOptions, Engine, ExecSpec, ExecStartOptions, Filters, ImageListOptions, ImageRemoveOptions,
    OutputStream,
};
use cove_compose::model::{Hook, Project};
use cove_project::plan::{AskedOfBuild, Recreate};
use cove_project::run::{self, Sink, UpOptions};
use cove_project::{Found, Graph, label};
use futures_util::StreamExt as _;

use super::archive::pack;
use super::changes::Changes;
use super::rules::{Mapping, Rules, Work};
use crate::command_error::CommandError;
use crate::commands::compose::building::build_one;
use crate::commands::compose::line::{Line, warn};
use crate::commands::compose::progress::Progress;
use crate::commands::compose::restart::restart;
use crate::commands::compose::up::alone;
use crate::context::Context;

/// How much of what a failed command says is shown.
const SAID_LIMIT: usize = 2000;

/// Gets what a command writes.
type Show<'a> = dyn FnMut(OutputStream, &[u8]) -> Result<(), CommandError> + Send + 'a;

/// A project whose files are watched.
pub(in crate::commands::compose) struct Watching<'a> {
    context: &'a Context,
    engine: &'a dyn Engine,
    line: &'a Line,
    project: &'a Project,
    up: &'a UpOptions,
    tell: Sink<'a>,
    rules: Rules,
    changes: Changes,
    /// Images that a new build has replaced are removed.
    pub(in crate::commands::compose) prune: bool,
    /// Nothing is said of the steps of builds.
    pub(in crate::commands::compose) quiet: bool,
}

impl<'a> Watching<'a> {
    /// Watches the files of the services that `up` names, or of all.
    ///
    /// # Errors
    /// No rule is there for them, one cannot be done, or files cannot be watched.
    pub(in crate::commands::compose) fn of(
        context: &'a Context,
        engine: &'a dyn Engine,
        line: &'a Line,
        project: &'a Project,
        up: &'a UpOptions,
        tell: Sink<'a>,
    ) -> Result<Self, CommandError> {
        let (rules, warnings) = Rules::of(project, &up.services)?;
        warn(context, &warnings);
        let changes = Changes::of(&rules.paths())?;
        Ok(Self { context, engine, line, project, up, tell, rules, changes, prune: true, quiet: false })
    }

    /// Does what changes mean, until files can be watched no more. What fails is said, and the next change tries again.
    ///
    /// # Errors
    /// The first copies cannot be made, or the system stopped watching.
    pub(in crate::commands::compose) async fn run(&mut self) -> Result<Infallible, CommandError> {
        let initial = self.rules.initial(&BTreeSet::new())?;
        self.sync(&initial).await?;
        self.say("Watch enabled")?;
        loop {
            let changed = self.changes.next().await?;
            let done = match self.rules.work(&changed) {
                Ok(work) => self.apply(work).await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                self.say(&format!("Error: {}", error.messages().join("; ")))?;
            }
        }
    }

    fn say(&self, text: &str) -> Result<(), CommandError> {
        self.context.printer.line(&format!("  ⦿ {}", cove_api::shown::line(text)))
    }

    fn progress(&self) -> Progress<'a> {
        Progress::of(self.context, self.line)
    }

    async fn apply(&self, work: Work) -> Result<(), CommandError> {
        let Work { rebuild, mut sync, mut restart, hooks } = work;
        if !rebuild.is_empty() && self.rebuild(&rebuild).await? {
            restart.retain(|service| !rebuild.contains(service));
            // A new container has only what is in its image.
            for (service, mappings) in self.rules.initial(&rebuild)? {
                sync.entry(service).or_default().extend(mappings);
            }
        }
        self.sync(&sync).await?;
        if !restart.is_empty() {
            self.restart(&restart, true).await?;
            self.say(&format!("service(s) {} restarted", listed(&restart)))?;
        }
        for (service, hook) in &hooks {
            self.hook(service, hook).await?;
        }
        Ok(())
    }

    /// Builds the images of services and gives them new containers; answers whether the builds succeeded.
    async fn rebuild(&self, services: &BTreeSet<String>) -> Result<bool, CommandError> {
        self.say(&format!("Rebuilding service(s) {} after changes were detected...", listed(services)))?;
        let named: Vec<String> = services.iter().cloned().collect();
        let asked = AskedOfBuild { quiet: self.quiet, ..AskedOfBuild::default() };
        for service in services.iter().filter_map(|name| self.project.services.get(name)) {
            let Some(build) = &service.build else { continue };
            let built =
                build_one(self.context, self.project, (service, build), &asked, &self.progress()).await;
            if let Err(error) = built {
                self.say(&format!("Build failed. Error: {}", error.messages().join("; ")))?;
                return Ok(false);
            }
        }
        self.say(&format!("service(s) {} successfully built", listed(services)))?;
        let mut only = self.project.clone();
        alone(&mut only, &named);
        let options = UpOptions {
            services: named,
            recreate: Recreate::Force,
            recreate_dependencies: Recreate::Never,
            ignore_orphans: true,
            remove_orphans: false,
            ..self.up.clone()
        };
        run::up(self.engine, &only, &options, self.tell).await?;
        self.restart(services, false).await?;
        if self.prune {
            self.remove_replaced().await?;
        }
        Ok(true)
    }

    /// Restarts services, or only what is to be restarted with them.
    async fn restart(&self, services: &BTreeSet<String>, themselves: bool) -> Result<(), CommandError> {
        let found = Found::of(self.engine, &self.project.name).await?;
        let graph = Graph::of(&found);
        let meant = graph.with_restarted(services);
        for step in graph.steps() {
            let is_meant = |name: &String| meant.contains(name) && (themselves || !services.contains(name));
            for name in step.iter().filter(|name| is_meant(name)) {
                for one in found.of_service(name) {
                    restart(self.engine, one, self.up.timeout, self.tell).await?;
                }
            }
        }
        Ok(())
    }

    /// Images of the project that have no name any more and that nobody uses.
    async fn remove_replaced(&self) -> Result<(), CommandError> {
        let filters = Filters::from([
            ("dangling".to_owned(), vec!["true".to_owned()]),
            ("label".to_owned(), vec![format!("{}={}", label::PROJECT, self.project.name)]),
        ]);
        let images = self.engine.images();
        for image in images.list(ImageListOptions { filters, ..ImageListOptions::default() }).await? {
            // One that somebody still uses stays.
            let report = images.remove(vec![image.id.clone()], ImageRemoveOptions::default()).await?;
            for error in report.errors {
                tracing::debug!("image {} stays: {error}", image.id);
            }
        }
        Ok(())
    }

    /// Brings files into the containers of services, and removes there what is gone here.
    async fn sync(&self, all: &BTreeMap<String, BTreeSet<Mapping>>) -> Result<(), CommandError> {
        if all.is_empty() {
            return Ok(());
        }
        let found = Found::of(self.engine, &self.project.name).await?;
        for (service, mappings) in all {
            self.say(&format!("Syncing service {service:?} after {} changes were detected", mappings.len()))?;
            let (mut there, mut gone) = (BTreeMap::new(), Vec::new());
            for Mapping { from, to } in mappings {
                match from.symlink_metadata() {
                    Ok(_) => drop(there.insert(to.clone(), from.clone())),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => gone.push(to.clone()),
                    Err(error) => return Err(CommandError::other(format!("{}: {error}", from.display()))),
                }
            }
            for one in found.of_service(service) {
                if !gone.is_empty() && one.state().is_alive() {
                    self.remove(&one.row.id, &gone).await.map_err(|error| {
                        let why = error.messages().join("; ");
                        CommandError::other(format!("removing files in {}: {why}", one.name))
                    })?;
                }
                if !there.is_empty() {
                    self.copy(&one.row.id, there.clone()).await.map_err(|error| {
                        let why = error.messages().join("; ");
                        CommandError::other(format!("copying files to {}: {why}", one.name))
                    })?;
                }
            }
        }
        Ok(())
    }

    async fn copy(&self, container: &str, files: BTreeMap<String, PathBuf>) -> Result<(), CommandError> {
        let packed = tokio::task::spawn_blocking(move || {
            let mut file = pack(&files)?;
            file.seek(SeekFrom::Start(0))?;
            Ok::<_, std::io::Error>(file)
        });
        let file = packed.await.map_err(std::io::Error::other)??;
        let pieces = tokio_util::io::ReaderStream::new(tokio::fs::File::from_std(file));
        let archive = Box::pin(pieces.map(|piece| piece.map_err(cove_api::Error::from)));
        let options =
            CopyToOptions { path: "/".into(), chown: true, rename: BTreeMap::new(), no_overwrite: false };
        Ok(self.engine.files().copy_to(container, options, archive).await?)
    }

    async fn remove(&self, container: &str, paths: &[String]) -> Result<(), CommandError> {
        let mut words: Vec<String> = ["rm", "-rf", "--"].map(str::to_owned).to_vec();
        words.extend_from_slice(paths);
        let spec = ExecSpec { cmd: words, attach_stderr: true, attach_stdout: true, ..ExecSpec::default() };
        let mut said = Vec::new();
        let code = self
            .exec(container, spec, &mut |_, data| {
                let room = SAID_LIMIT.saturating_sub(said.len());
                said.extend_from_slice(&data[..data.len().min(room)]);
                Ok(())
            })
            .await?;
        match code {
            0 => Ok(()),
            code => {
                let said = String::from_utf8_lossy(&said).trim().to_owned();
                Err(CommandError::other(format!("rm ended with code {code}: {said}")))
            }
        }
    }

    async fn hook(&self, service: &str, hook: &Hook) -> Result<(), CommandError> {
        let found = Found::of(self.engine, &self.project.name).await?;
        let own = |name: &str| self.context.environment.get(name).map(str::to_owned);
        let env = hook.environment.iter().filter_map(|(name, value)| {
            value.clone().or_else(|| own(name)).map(|value| format!("{name}={value}"))
        });
        let words = hook.command.0.clone().unwrap_or_default();
        let spec = ExecSpec {
            attach_stdout: true,
            attach_stderr: true,
            cmd: words.clone(),
            user: hook.user.clone(),
            privileged: hook.privileged,
            working_dir: hook.working_dir.clone(),
            env: env.collect(),
            ..ExecSpec::default()
        };
        for one in found.of_service(service).into_iter().filter(|one| one.state().is_alive()) {
            let printer = &self.context.printer;
            let code = self
                .exec(&one.row.id, spec.clone(), &mut |stream, data| match stream {
                    OutputStream::Stderr => {
                        printer.error_bytes(data);
                        Ok(())
                    }
                    _ => printer.bytes(data),
                })
                .await?;
            if code != 0 {
                self.say(&format!("{}: {words:?} ended with code {code}", one.name))?;
            }
        }
        Ok(())
    }

    /// Runs a command to its end, and answers its code.
    async fn exec(&self, container: &str, spec: ExecSpec, show: &mut Show<'_>) -> Result<i32, CommandError> {
        let execs = self.engine.execs();
        let id = execs.create(container, spec).await?;
        let started = execs.start(&id, ExecStartOptions { attended: true, ..Default::default() }).await;
        let ended = match started {
            Err(error) => Err(error.into()),
            Ok(stream) => {
                async {
                    if let Some(mut stream) = stream {
                        drop(stream.input.take());
                        while let Some(chunk) = stream.output.next().await {
                            let chunk = chunk?;
                            show(chunk.stream, &chunk.data)?;
                        }
                    }
                    Ok(execs.wait(&id).await?)
                }
                .await
            }
        };
        let _ = execs.remove(&id, true).await;
        ended
    }
}

/// `["a" "b"]`, as Go prints names.
fn listed(names: &BTreeSet<String>) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("[{}]", names.join(" "))
}
