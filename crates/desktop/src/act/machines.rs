//! Machines: listed when their folders change, started and stopped as tasks.

use std::sync::Arc;

use crate::Failure;
use crate::core::Core;
use crate::source::Target;
use crate::view::{Connection, ConnectionKind};

#[cfg(unix)]
pub(crate) use unix::{begin, create, watch};

/// What can be connected to: the source's own engines, then the machines.
pub(crate) fn connections(core: &Core) {
    let fixed = core.source.fixed();
    core.change(|state| {
        let mut connections: Vec<Connection> = fixed
            .into_iter()
            .map(|(target, label)| Connection {
                id: target.id(),
                label,
                kind: match target {
                    Target::Native => ConnectionKind::Native,
                    Target::Machine(_) => ConnectionKind::Machine,
                    Target::Remote(_) => ConnectionKind::Remote,
                },
                available: true,
            })
            .collect();
        connections.extend(state.machines().iter().map(|machine| Connection {
            id: Target::Machine(machine.name.clone()).id(),
            label: machine.name.clone(),
            kind: ConnectionKind::Machine,
            available: machine.state == "running",
        }));
        state.set_connections(connections);
    });
}

#[cfg(not(unix))]
const UNSUPPORTED: &str = "machines are not supported on this system by this version";

#[cfg(not(unix))]
pub(crate) async fn watch(core: Arc<Core>) {
    core.change(|state| state.set_machines(Vec::new(), Some(UNSUPPORTED.to_owned())));
}

#[cfg(not(unix))]
pub(crate) fn create(_: &Arc<Core>) -> Result<u32, Failure> {
    Err(Failure::new(cove_api::ErrorKind::Unsupported, UNSUPPORTED))
}

#[cfg(not(unix))]
pub(crate) fn begin(_: &Arc<Core>, name: &str, _: bool) -> Result<u32, Failure> {
    Err(Failure::new(cove_api::ErrorKind::Unsupported, format!("{name}: {UNSUPPORTED}")))
}

#[cfg(unix)]
mod unix {
    use std::path::Path;
    use std::time::Duration;

    use cove_api::ErrorKind;
    use cove_machine::provider::ProviderKind;
    use cove_machine::{DEFAULT_MACHINE, InitOptions, MachineName, Machines, Progress};
    use notify::{EventKind, RecursiveMode, Watcher as _, event::ModifyKind};
    use tokio::sync::Notify;

    use super::{Arc, Core, Failure, Target, connections};
    use crate::view::StepState;

    /// Changes within that time are looked at together.
    const SETTLE_TIME: Duration = Duration::from_millis(100);

    /// Keeps the list of machines up to date.
    pub(crate) async fn watch(core: Arc<Core>) {
        let machines = match machines(&core) {
            Ok(machines) => machines,
            Err(failure) => {
                return core.change(|state| state.set_machines(Vec::new(), Some(failure.message)));
            }
        };
        read(&core, &machines).await;
        let changed = Arc::new(Notify::new());
        // Dropping the watcher would end the watch.
        let watcher = watcher(&machines, Arc::clone(&changed));
        if let Err(error) = &watcher {
            let problem = format!("changes made elsewhere are not seen: {error}");
            core.change(|state| {
                let rows = state.machines().to_vec();
                state.set_machines(rows, Some(problem));
            });
        }
        loop {
            tokio::select! {
                () = changed.notified() => {}
                () = core.machines_changed.notified() => {}
            }
            tokio::time::sleep(SETTLE_TIME).await;
            read(&core, &machines).await;
        }
    }

    async fn read(core: &Arc<Core>, machines: &Machines) {
        match machines.list().await {
            Ok(list) => {
                core.change(|state| state.set_machines(list.into_iter().map(Into::into).collect(), None))
            }
            Err(error) => core.change(|state| {
                let rows = state.machines().to_vec();
                state.set_machines(rows, Some(error.to_string()));
            }),
        }
        connections(core);
        let shared = core.lock();
        if shared.target.is_none() {
            // A host without an engine of its own: the usual machine's, else any.
            let rows = shared.state.machines();
            let machine =
                rows.iter().find(|machine| machine.default).or(rows.first()).map(|row| row.name.clone());
            drop(shared);
            if let Some(name) = machine {
                crate::link::switch(core, Target::Machine(name));
            }
            return;
        }
        // The engine in use may be one whose machine has just come up.
        if let Some(Target::Machine(name)) = &shared.target
            && shared.engine.is_none()
            && shared
                .state
                .machines()
                .iter()
                .any(|machine| &machine.name == name && machine.state == "running")
        {
            core.retry.notify_waiters();
        }
    }

    fn watcher(machines: &Machines, changed: Arc<Notify>) -> Result<impl Sized, Failure> {
        let failed = |error: notify::Error| Failure::new(ErrorKind::Internal, error.to_string());
        let handler = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| is_telling(&event)) {
                changed.notify_one();
            }
        };
        let mut watcher = notify::recommended_watcher(handler).map_err(failed)?;
        for folder in [&machines.folders.data, &machines.folders.runtime] {
            cove_config::dirs::create_private(folder)
                .map_err(|error| Failure::new(ErrorKind::PermissionDenied, error.to_string()))?;
            watcher.watch(folder, RecursiveMode::Recursive).map_err(failed)?;
        }
        Ok(watcher)
    }

    /// Whether a change can mean another state. Looking at machines opens their locks and must not count; a VM
    /// writes its disk and its console all the time.
    fn is_telling(event: &notify::Event) -> bool {
        let kind = match event.kind {
            EventKind::Create(_) | EventKind::Remove(_) => true,
            EventKind::Modify(kind) => !matches!(kind, ModifyKind::Metadata(_)),
            _ => false,
        };
        let noise = |path: &Path| {
            path.extension().is_some_and(|extension| {
                ["lock", "log", "qcow2", "raw", "part"].iter().any(|noise| extension == *noise)
            })
        };
        kind && !event.paths.iter().all(|path| noise(path))
    }

    /// The machines of this host.
    fn machines(core: &Core) -> Result<Machines, Failure> {
        core.machines.clone().ok_or_else(|| {
            Failure::unavailable(
                "machines need the program cove, which was found neither beside the desktop nor in PATH",
            )
        })
    }

    /// Makes and starts the usual machine as a task.
    pub(crate) fn create(core: &Arc<Core>) -> Result<u32, Failure> {
        let machines = machines(core)?;
        let name: MachineName = DEFAULT_MACHINE.parse().map_err(cove_api::Error::from)?;
        let options = InitOptions::new(name.clone(), ProviderKind::default_here());
        Ok(run(core, format!("Make machine {name}"), move |sink| async move {
            machines.init(&options, &sink).await?;
            machines.start(&name, &sink).await.map(drop)
        }))
    }

    /// Starts or stops a machine as a task.
    pub(crate) fn begin(core: &Arc<Core>, name: &str, start: bool) -> Result<u32, Failure> {
        let machines = machines(core)?;
        let name: MachineName = name.parse().map_err(cove_api::Error::from)?;
        let title = format!("{} machine {name}", if start { "Start" } else { "Stop" });
        Ok(run(core, title, move |sink| async move {
            if start {
                machines.start(&name, &sink).await.map(drop)
            } else {
                machines.stop(&name, &sink).await.map(drop)
            }
        }))
    }

    /// Runs `work` as a task that shows its steps.
    fn run<F, W>(core: &Arc<Core>, title: String, work: W) -> u32
    where
        F: Future<Output = cove_machine::Result<()>> + Send + 'static,
        W: FnOnce(Box<dyn Fn(Progress) + Send + Sync>) -> F + Send + 'static,
    {
        let core_of_task = Arc::clone(core);
        core.begin(title, false, move |task| async move {
            let core = Arc::clone(&core_of_task);
            let sink = move |progress: Progress| match progress {
                Progress::Begin(step) => {
                    task.step(step, StepState::Active);
                    core.machines_changed.notify_one();
                }
                Progress::Done(step, _) => task.step(step, StepState::Done),
                Progress::Note(text) => task.message(text),
            };
            let result = work(Box::new(sink)).await;
            core_of_task.machines_changed.notify_one();
            result.map_err(|error| cove_api::Error::from(error).into())
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use notify::event::{AccessKind, CreateKind, DataChange, MetadataKind};

        #[test]
        fn looking_at_machines_is_no_change() {
            let event = |kind: EventKind, path: &str| notify::Event::new(kind).add_path(path.into());
            for (kind, path, wanted) in [
                (EventKind::Create(CreateKind::File), "/m/qemu/dev/machine.json", true),
                (EventKind::Modify(ModifyKind::Data(DataChange::Any)), "/r/dev/agent.json", true),
                (EventKind::Modify(ModifyKind::Data(DataChange::Any)), "/m/qemu/dev/disk.qcow2", false),
                (EventKind::Modify(ModifyKind::Data(DataChange::Any)), "/m/qemu/dev/console.log", false),
                (EventKind::Create(CreateKind::File), "/m/locks/dev.lock", false),
                (EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), "/r/dev", false),
                (EventKind::Access(AccessKind::Any), "/r/dev/agent.json", false),
            ] {
                assert_eq!(is_telling(&event(kind, path)), wanted, "{kind:?} {path}");
            }
        }
    }
}
