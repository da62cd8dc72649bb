//! The entry: calls in, events out.

use std::sync::Arc;
use std::time::Duration;

use cove_api::{ErrorKind, PullPolicy, SearchOptions};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::act::{
    containers, files, flows, images, kube, limits, logs, machines, make, outlook, places, pods, processes,
    program, projects, registries, remove, report, run, stats, system, terminal, up, volumes,
};
use crate::core::{Batch, Core};
use crate::kinds::kind_of;
use crate::link;
use crate::source::{EngineSource, Target};
use crate::view::ConnectionKind;
use crate::{Call, Failure, Reply};

/// Terminals that have not ended by then are left.
const END_TIME: Duration = Duration::from_secs(3);

/// What the desktop begins with.
pub struct DesktopOptions {
    /// Opens engines.
    pub source: Arc<dyn EngineSource>,
    /// The machines of this host, where there can be some.
    #[cfg(unix)]
    pub machines: Option<cove_machine::Machines>,
}

/// The desktop without a window. Needs a running Tokio runtime from its making to its end.
pub struct Desktop {
    core: Arc<Core>,
    background: Vec<JoinHandle<()>>,
}

impl Desktop {
    /// Begins to follow the engine and the machines.
    #[must_use]
    pub fn start(options: DesktopOptions) -> Self {
        let core = Core::new(
            options.source,
            #[cfg(unix)]
            options.machines,
        );
        machines::connections(&core);
        let downloads = core.source.downloads().map(|path| path.display().to_string()).unwrap_or_default();
        core.change(|state| state.downloads = downloads);
        if let Some((target, _)) = core.source.fixed().into_iter().next() {
            link::switch(&core, target);
        }
        let background =
            vec![tokio::spawn(Arc::clone(&core).tell()), tokio::spawn(machines::watch(Arc::clone(&core)))];
        Self { core, background }
    }

    /// A new listener. Its first batch begins with a snapshot; one that does not listen for long loses batches and
    /// gets a snapshot in their place.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::Receiver<Batch> {
        self.core.subscribe()
    }

    /// Ends every subscription: for a window whose page was loaded anew.
    pub fn close_all(&self) {
        self.core.forget_listeners();
        let mut shared = self.core.lock();
        shared.state.close_task_logs();
        shared.terminals.clear();
        for (_, flow) in shared.flows.drain() {
            flow.abort();
        }
    }

    /// Ends the processes of terminals: after the program nobody is left to do it.
    pub async fn end(&self) {
        let sessions = std::mem::take(&mut self.core.lock().sessions);
        let ends =
            sessions.into_iter().map(|(id, engine)| async move { engine.execs().remove(&id, true).await });
        let _ = tokio::time::timeout(END_TIME, futures_util::future::join_all(ends)).await;
    }

    /// Answers a question or does an order.
    ///
    /// # Errors
    /// What the engine or the machine says; long acts answer at once and fail in their task.
    pub async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let core = &self.core;
        match call {
            Call::Snapshot => Ok(Reply::Snapshot { snapshot: Box::new(core.lock().state.snapshot()) }),
            Call::Connect { connection } => self.connect(&connection).map(|()| Reply::Done),
            Call::Reconnect => {
                core.retry.notify_waiters();
                Ok(Reply::Done)
            }
            Call::Containers { act, ids } => containers::act(core, act, &ids).await.map(|()| Reply::Done),
            Call::Inspect { id } => {
                let details = Box::new(containers::inspect(core, &id).await?);
                Ok(Reply::Details { details })
            }
            Call::OpenLog { id, tail } => {
                logs::open(core, id, tail).map(|subscription| Reply::Subscription { subscription })
            }
            Call::OpenStats { id } => {
                stats::open(core, id).map(|subscription| Reply::Subscription { subscription })
            }
            Call::OpenProcesses { id } => {
                processes::open(core, id).map(|subscription| Reply::Subscription { subscription })
            }
            Call::OpenLogs { ids, tail } => {
                logs::open_several(core, ids, tail).map(|subscription| Reply::Subscription { subscription })
            }
            Call::OpenVolume { name } => {
                volumes::open(core, name).map(|subscription| Reply::Subscription { subscription })
            }
            Call::Update { id, limits } => {
                core.engine()?.containers().update(&id, limits::update(&limits)?).await?;
                Ok(Reply::Done)
            }
            Call::Project { act, name } => projects::act(core, act, &name).await.map(|()| Reply::Done),
            Call::ProjectFiles { name } => {
                projects::files(core, &name).await.map(|texts| Reply::Texts { texts })
            }
            Call::PlanProject { form } => {
                let plan = Box::new(outlook::plan(core, &form).await?);
                Ok(Reply::Planned { plan })
            }
            Call::UpProject { form } => up::begin(core, form).await.map(|id| Reply::Task { id }),
            Call::Places { start } => Ok(Reply::Places { places: places::places(core, start).await }),
            Call::GenerateKube { form } => {
                Ok(Reply::Text { text: kube::generate(core.engine()?.as_ref(), form).await? })
            }
            Call::SaveText { to, text } => files::save_text(&to, text).await.map(|()| Reply::Done),
            Call::CheckKube { text } => Ok(Reply::Checked { check: Box::new(kube::check(&text)) }),
            Call::SaveReport { to, screen } => report::save(core, &to, screen).await.map(|()| Reply::Done),
            Call::OpenTaskLog { id } => {
                core.open_task_log(id).map(|subscription| Reply::Subscription { subscription })
            }
            Call::OpenTerminal { options } => {
                terminal::open(core, options).map(|subscription| Reply::Subscription { subscription })
            }
            Call::Type { subscription, data } => {
                terminal::input(core, subscription, data).await.map(|()| Reply::Done)
            }
            Call::Resize { subscription, columns, rows } => {
                terminal::resize(core, subscription, columns, rows).await.map(|()| Reply::Done)
            }
            Call::Shown { subscription, bytes } => {
                terminal::shown(core, subscription, bytes);
                Ok(Reply::Done)
            }
            Call::Close { subscription } => {
                flows::close(core, subscription);
                Ok(Reply::Done)
            }
            Call::Pull { image } => self.pull(image.trim()),
            Call::Remove { kind, ids, force } => {
                remove::remove(core, &kind, &ids, force).await.map(|()| Reply::Done)
            }
            Call::Pods { act, ids } => pods::act(core, act, &ids).await.map(|()| Reply::Done),
            Call::CreatePod { name, ports } => {
                pods::create(core, name.trim(), &ports).await.map(|()| Reply::Done)
            }
            Call::CreateNetwork { options } => make::network(core, options).await.map(|()| Reply::Done),
            Call::CreateVolume { name } => make::volume(core, name).await.map(|()| Reply::Done),
            Call::CreateSecret { name, data, replace } => {
                make::secret(core, name, data, replace).await.map(|()| Reply::Done)
            }
            Call::Describe { kind, id } => {
                let engine = core.engine()?;
                let description = Box::new((kind_of(&kind)?.describe)(engine.as_ref(), &id).await?);
                Ok(Reply::Description { description })
            }
            Call::InspectImage { id } => {
                let details = Box::new(images::inspect(core, &id).await?);
                Ok(Reply::Image { details })
            }
            Call::ListFiles { id, path } => {
                files::list(core, &id, &path).await.map(|files| Reply::Files { files })
            }
            Call::Tag { id, name } => {
                core.engine()?.images().tag(&id, name.trim()).await?;
                Ok(Reply::Done)
            }
            Call::Untag { id, name } => {
                core.engine()?.images().untag(&id, vec![name]).await?;
                Ok(Reply::Done)
            }
            Call::Search { term } => self.search(&term, false).await,
            Call::Tags { repository } => self.search(&repository, true).await,
            Call::Usage => Ok(Reply::Usage { usage: Box::new(system::usage(core).await?) }),
            Call::Registries => {
                let registries = Box::new(registries::read(core).await?);
                Ok(Reply::Registries { registries })
            }
            Call::Login { registry, username, password } => {
                program::login(core, &registry, &username, &password).await.map(|()| Reply::Done)
            }
            Call::Logout { registry } => program::logout(core, &registry).await.map(|()| Reply::Done),
            Call::Explain { image } => {
                let explanation = Box::new(registries::explain(core, image.trim()).await?);
                Ok(Reply::Explanation { explanation })
            }
            Call::Download { .. }
            | Call::Upload { .. }
            | Call::Push { .. }
            | Call::SaveImages { .. }
            | Call::LoadImages { .. }
            | Call::ExportVolume { .. }
            | Call::ImportVolume { .. }
            | Call::DownloadOfVolume { .. }
            | Call::CopyVolume { .. }
            | Call::RemoveProject { .. }
            | Call::PlayKube { .. }
            | Call::DownKube { .. }
            | Call::Build { .. }
            | Call::Prune { .. } => self.begin(call).map(|id| Reply::Task { id }),
            Call::Run { options } => {
                let spec = run::spec(&options)?;
                let engine = core.engine()?;
                let title = match options.name.as_str() {
                    "" => format!("Run {}", spec.image),
                    name => format!("Run {name}"),
                };
                let of_task = Arc::clone(core);
                let id = core.begin(title, true, |task| async move {
                    let access = images::access(&of_task, &spec.image).await;
                    run::run(engine.as_ref(), spec, access, &task).await.map_err(Into::into)
                });
                Ok(Reply::Task { id })
            }
            Call::CreateMachine => machines::create(core).map(|id| Reply::Task { id }),
            Call::StartMachine { name } => machines::begin(core, &name, true).map(|id| Reply::Task { id }),
            Call::StopMachine { name } => machines::begin(core, &name, false).map(|id| Reply::Task { id }),
            Call::CancelTask { id } => core.cancel(id).map(|()| Reply::Done),
            Call::ClearTasks => {
                core.change(crate::state::State::clear_tasks);
                Ok(Reply::Done)
            }
        }
    }

    async fn search(&self, term: &str, tags: bool) -> Result<Reply, Failure> {
        let access = images::access(&self.core, term).await;
        let options = SearchOptions { list_tags: tags, access, ..SearchOptions::default() };
        let found = self.core.engine()?.images().search(term.trim(), options).await?;
        Ok(Reply::Found { found: found.into_iter().map(Into::into).collect() })
    }

    /// Begins the task of a call and answers its number.
    fn begin(&self, call: Call) -> Result<u32, Failure> {
        let core = &self.core;
        let engine = core.engine()?;
        Ok(match call {
            Call::Download { id, path, to } => {
                let to = files::place(&to)?;
                core.begin(format!("Download {path}"), true, |task| async move {
                    files::download(engine.as_ref(), &id, &path, to, &task).await.map_err(Into::into)
                })
            }
            Call::Upload { id, from, to } => {
                let from = files::place(&from)?;
                core.begin(format!("Upload {}", from.display()), true, |task| async move {
                    files::upload(engine.as_ref(), &id, from, to, &task).await.map_err(Into::into)
                })
            }
            Call::Push { image } => {
                let core = Arc::clone(core);
                self.core.begin(format!("Push {image}"), true, |task| async move {
                    let access = images::access(&core, &image).await;
                    images::push(engine.as_ref(), &image, access, &task).await.map_err(Into::into)
                })
            }
            Call::SaveImages { names, format, to } => {
                let to = files::place(&to)?;
                core.begin(format!("Save {}", names.join(", ")), true, |task| async move {
                    files::save(engine.as_ref(), names, format, to, &task).await.map_err(Into::into)
                })
            }
            Call::LoadImages { from } => {
                let from = files::place(&from)?;
                core.begin(format!("Load {}", from.display()), true, |task| async move {
                    let report = files::load(engine.as_ref(), from, &task).await?;
                    task.message(report.names.join(", "));
                    Ok(())
                })
            }
            Call::ExportVolume { name, to } => {
                let to = files::place(&to)?;
                core.begin(format!("Export {name}"), true, |task| async move {
                    files::export_volume(engine.as_ref(), &name, to, &task).await.map_err(Into::into)
                })
            }
            Call::ImportVolume { name, from } => {
                let from = files::place(&from)?;
                core.begin(format!("Import into {name}"), true, |task| async move {
                    files::import_volume(engine.as_ref(), &name, from, &task).await.map_err(Into::into)
                })
            }
            Call::DownloadOfVolume { name, path, to } => {
                let to = files::place(&to)?;
                core.begin(format!("Download {path}"), true, |task| async move {
                    files::download_of_volume(engine.as_ref(), &name, path, to, &task)
                        .await
                        .map_err(Into::into)
                })
            }
            Call::CopyVolume { name, to } => core.begin(format!("Copy {name}"), true, |task| async move {
                volumes::copy(engine, &name, to.trim().to_owned(), &task).await.map_err(Into::into)
            }),
            Call::RemoveProject { name, volumes } => {
                core.begin(format!("Remove {name}"), true, |task| async move {
                    projects::remove(engine.as_ref(), &name, volumes, &task).await.map_err(Into::into)
                })
            }
            Call::PlayKube { text, replace } => {
                core.begin("Play Kubernetes YAML".to_owned(), false, |task| async move {
                    kube::play(engine, text, replace, &task).await.map_err(Into::into)
                })
            }
            Call::DownKube { text, volumes } => {
                core.begin("Take down Kubernetes YAML".to_owned(), false, |_| async move {
                    kube::down(engine, text, volumes).await.map_err(Into::into)
                })
            }
            Call::Build { form } => {
                let command = program::build_command(core, &form)?;
                let title = if form.tag.trim().is_empty() { &form.context } else { &form.tag };
                core.begin(format!("Build {}", title.trim()), true, |task| async move {
                    program::build(command, &task).await.map_err(Into::into)
                })
            }
            Call::Prune { rows } => core.begin("Clean up".to_owned(), true, |task| async move {
                system::prune(engine.as_ref(), rows, &task).await.map_err(Into::into)
            }),
            other => return Err(Failure::new(ErrorKind::Internal, format!("{other:?} is no task"))),
        })
    }

    fn pull(&self, image: &str) -> Result<Reply, Failure> {
        if image.is_empty() {
            return Err(Failure::new(ErrorKind::InvalidArgument, "an image is needed"));
        }
        let engine = self.core.engine()?;
        let image = image.to_owned();
        let core = Arc::clone(&self.core);
        let id = self.core.begin(format!("Pull {image}"), true, |task| async move {
            let access = images::access(&core, &image).await;
            images::pull(engine.as_ref(), &image, PullPolicy::Always, access, &task).await?;
            Ok(())
        });
        Ok(Reply::Task { id })
    }

    fn connect(&self, id: &str) -> Result<(), Failure> {
        let unknown = || Failure::new(ErrorKind::NotFound, format!("there is no connection {id:?}"));
        let shared = self.core.lock();
        let connection =
            shared.state.connections().iter().find(|connection| connection.id == id).ok_or_else(unknown)?;
        if !connection.available {
            return Err(Failure::new(
                ErrorKind::WrongState,
                format!("machine {} does not run: start it first", connection.label),
            ));
        }
        let target = match connection.kind {
            ConnectionKind::Machine => Target::Machine(connection.label.clone()),
            ConnectionKind::Native | ConnectionKind::Remote => {
                let mut fixed = self.core.source.fixed().into_iter().map(|(target, _)| target);
                fixed.find(|target| target.id() == id).ok_or_else(unknown)?
            }
        };
        drop(shared);
        link::switch(&self.core, target);
        Ok(())
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for task in &self.background {
            task.abort();
        }
        let mut shared = self.core.lock();
        let link = shared.link.take();
        let running: Vec<_> = shared.flows.drain().map(|(_, task)| task).chain(link).collect();
        drop(shared);
        for task in running {
            task.abort();
        }
    }
}
