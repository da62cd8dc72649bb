//! The entry: calls in, events out.

use std::sync::Arc;

use cove_api::{ErrorKind, PullPolicy};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::act::{containers, images, logs, machines, remove, run};
use crate::core::{Batch, Core};
use crate::link;
use crate::source::{EngineSource, Target};
use crate::view::ConnectionKind;
use crate::{Call, Failure, Reply};

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

    /// Ends every log subscription: for a window whose page was loaded anew.
    pub fn close_logs(&self) {
        for (_, task) in self.core.lock().logs.drain() {
            task.abort();
        }
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
            Call::CloseLog { subscription } => {
                logs::close(core, subscription);
                Ok(Reply::Done)
            }
            Call::Pull { image } => self.pull(image.trim()),
            Call::Remove { kind, ids, force } => {
                remove::remove(core, &kind, &ids, force).await.map(|()| Reply::Done)
            }
            Call::Run { options } => {
                let spec = run::spec(&options)?;
                let engine = core.engine()?;
                let title = match options.name.as_str() {
                    "" => format!("Run {}", spec.image),
                    name => format!("Run {name}"),
                };
                let id = core.begin(title, true, |task| async move {
                    run::run(engine.as_ref(), spec, &task).await.map_err(Into::into)
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

    fn pull(&self, image: &str) -> Result<Reply, Failure> {
        if image.is_empty() {
            return Err(Failure::new(ErrorKind::InvalidArgument, "an image is needed"));
        }
        let engine = self.core.engine()?;
        let image = image.to_owned();
        let id = self.core.begin(format!("Pull {image}"), true, |task| async move {
            images::pull(engine.as_ref(), &image, PullPolicy::Always, &task).await?;
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
        let running: Vec<_> = shared.logs.drain().map(|(_, task)| task).chain(link).collect();
        drop(shared);
        for task in running {
            task.abort();
        }
    }
}
