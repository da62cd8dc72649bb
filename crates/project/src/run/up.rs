//! `up`: what the file describes is made, and runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cove_api::{ContainerState, Engine, NetworkCreateOptions, RemoveOptions, Result, StopOptions};
use cove_compose::model::{Dependency, Project, Service};

use super::check::check;
use super::files;
use super::make::{Image, image_of, make};
use super::order::{Limit, in_order};
use super::progress::{Event, Sink};
use super::stop::{stop_one, thaw};
use super::wait::{Awaited, Needed, until};
use crate::found::{Found, FoundContainer};
use crate::label;
use crate::plan::{self, Inherited, Instance, Part, Recreate, converge};

/// What is wanted of `up`.
#[derive(Debug, Clone, Default)]
pub struct UpOptions {
    /// Which services; empty for all. What they depend on is in the project, too.
    pub services: Vec<String>,
    /// Which containers of these are made anew.
    pub recreate: Recreate,
    /// Which containers of those that they depend on.
    pub recreate_dependencies: Recreate,
    /// How many containers of a service, in place of what the file says.
    pub scale: BTreeMap<String, u32>,
    /// Seconds that a stop waits; `None` for each container's own.
    pub timeout: Option<u32>,
    /// Containers of services that the file has not, and those of `run` that have ended, are removed.
    pub remove_orphans: bool,
    /// Nothing is said of these.
    pub ignore_orphans: bool,
    /// A container that takes the place of another gets new anonymous volumes.
    pub renew_anonymous_volumes: bool,
    /// They are only made, not started.
    pub no_start: bool,
    /// Wait until all run and are healthy.
    pub wait: bool,
    /// The files that `--env-file` named.
    pub env_files: Vec<String>,
    /// How many things are done at a time; [`None`] for any number.
    pub at_once: Option<usize>,
}

/// A container of the project, as it is by now.
#[derive(Debug, Clone)]
struct Present {
    id: String,
    name: String,
    runs: bool,
    /// It was made by this call.
    is_new: bool,
}

struct Up<'a> {
    engine: &'a dyn Engine,
    project: &'a Project,
    options: &'a UpOptions,
    sink: Sink<'a>,
    found: &'a Found,
    /// Networks that were made anew: who is in them is made anew, too.
    renewed: BTreeSet<String>,
    present: Mutex<BTreeMap<String, Vec<Present>>>,
    limit: Limit,
}

/// Makes and starts what the project describes, and answers the names of its containers by service. Images are there
/// already.
///
/// # Errors
/// Something is refused or fails; what was made stays, and the next call goes on from there.
pub async fn up(
    engine: &dyn Engine,
    project: &Project,
    options: &UpOptions,
    sink: Sink<'_>,
) -> Result<BTreeMap<String, Vec<String>>> {
    check(engine, project, &options.scale).await?;
    let found = settled(engine, &project.name).await?;
    let mut up = Up {
        engine,
        project,
        options,
        sink,
        found: &found,
        renewed: BTreeSet::new(),
        present: Mutex::default(),
        limit: Limit::new(options.at_once),
    };
    up.networks().await?;
    up.volumes().await?;
    up.orphans().await?;
    in_order(dependencies(project), |name| up.limit.one(up.service(name))).await?;
    if !options.no_start {
        in_order(dependencies(project), |name| up.start(name)).await?;
        if options.wait {
            up.wait_for_all().await?;
        }
    }
    let names = |list: &Vec<Present>| list.iter().map(|one| one.name.clone()).collect();
    Ok(up.present().iter().map(|(service, list)| (service.clone(), names(list))).collect())
}

/// What is there of the project, once containers that were to take the place of others when a call was interrupted have
/// done so, or are gone.
async fn settled(engine: &dyn Engine, project: &str) -> Result<Found> {
    let found = Found::of(engine, project).await?;
    let mut is_settled = true;
    for one in found.containers.iter().filter(|one| one.row.labels.contains_key(label::REPLACE)) {
        let Some(name) = plan::final_name(&one.name) else { continue };
        is_settled = false;
        if engine.containers().exists(name).await? {
            // The other is still there, with the volumes that both have.
            let options = RemoveOptions { force: true, ignore: true, ..RemoveOptions::default() };
            engine.containers().remove(&one.row.id, options).await?;
        } else {
            engine.containers().rename(&one.row.id, name).await?;
        }
    }
    if is_settled { Ok(found) } else { Found::of(engine, project).await }
}

fn dependencies(project: &Project) -> BTreeMap<String, BTreeSet<String>> {
    let of = |service: &Service| service.depends_on.keys().cloned().collect();
    project.services.iter().map(|(name, service)| (name.clone(), of(service))).collect()
}

impl Up<'_> {
    fn present(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Present>>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        (self.sink)(event);
    }

    async fn networks(&mut self) -> Result<()> {
        for (key, network, part) in plan::networks(self.project, self.found) {
            let object = format!("Network {}", network.name);
            match part {
                Part::External | Part::Kept => continue,
                Part::Missing if self.engine.networks().exists(&network.name).await? => {
                    self.tell(Event::warning(format!(
                        "a network with name {} exists but was not created for project {:?}: set `external: true` to use an existing network",
                        network.name, self.project.name
                    )));
                    continue;
                }
                Part::Missing => {}
                Part::Diverged => {
                    self.leave_network(&network.name).await?;
                    self.engine.networks().remove(&network.name, false).await?;
                    self.renewed.insert(key.to_owned());
                }
            }
            self.tell(Event::working(&object, "Creating"));
            let made = plan::network(self.project, key, network)?;
            let options = NetworkCreateOptions { ignore_if_exists: true };
            self.engine.networks().create(made, options).await.inspect_err(|error| {
                self.tell(Event::failed(&object, &format!("Error {}", error.message)));
            })?;
            self.tell(Event::done(&object, "Created"));
        }
        Ok(())
    }

    /// Stops and disconnects the project's containers that are in a network.
    async fn leave_network(&self, network: &str) -> Result<()> {
        for one in &self.found.containers {
            if !one.row.networks.iter().any(|known| known == network) {
                continue;
            }
            if one.state().is_alive() {
                self.stop(one).await?;
            }
            self.engine.networks().disconnect(network, &one.row.id, true).await?;
        }
        Ok(())
    }

    async fn volumes(&self) -> Result<()> {
        for (key, volume, part) in plan::volumes(self.project, self.found) {
            let object = format!("Volume {}", volume.name);
            match part {
                Part::External | Part::Kept => continue,
                Part::Missing if self.engine.volumes().exists(&volume.name).await? => {
                    self.tell(Event::warning(format!(
                        "volume {:?} already exists but was not created for project {:?}: use `external: true` to use an existing volume",
                        volume.name, self.project.name
                    )));
                    continue;
                }
                Part::Missing => {}
                // Data is not thrown away for a changed line.
                Part::Diverged => {
                    self.tell(Event::warning(format!(
                        "volume {:?} exists but doesn't match what the file says of it; it stays: remove it for a new one",
                        volume.name
                    )));
                    continue;
                }
            }
            self.tell(Event::working(&object, "Creating"));
            self.engine.volumes().create(plan::volume(self.project, key, volume)).await?;
            self.tell(Event::done(&object, "Created"));
        }
        Ok(())
    }

    async fn orphans(&self) -> Result<()> {
        let project = self.project;
        let is_orphan = |one: &&FoundContainer| {
            let known = |services: &BTreeMap<String, Service>| services.contains_key(&one.service);
            if one.one_off {
                return matches!(one.state(), ContainerState::Exited | ContainerState::Stopped);
            }
            !known(&project.services) && !known(&project.disabled_services)
        };
        let orphans: Vec<_> = self.found.containers.iter().filter(is_orphan).collect();
        if orphans.is_empty() || (self.options.ignore_orphans && !self.options.remove_orphans) {
            return Ok(());
        }
        if !self.options.remove_orphans {
            let names: Vec<&str> = orphans.iter().map(|one| one.name.as_str()).collect();
            self.tell(Event::warning(format!(
                "Found orphan containers ([{}]) for this project. If you removed or renamed this service in your compose \
                 file, you can run this command with the --remove-orphans flag to clean it up.",
                names.join(" ")
            )));
            return Ok(());
        }
        for one in orphans {
            self.stop(one).await?;
            self.remove(one).await?;
        }
        Ok(())
    }

    /// Makes the containers of a service what they are to be.
    async fn service(&self, name: String) -> Result<()> {
        let Some(service) = self.project.services.get(&name) else { return Ok(()) };
        let service = plan::references(service, |other| {
            self.present().get(other).and_then(|list| list.first()).map(|one| one.id.clone())
        })?;
        let image = image_of(self.engine, self.project, &service).await?;
        let found = self.found.of_service(&name);
        let asked = self.options.services.is_empty() || self.options.services.contains(&name);
        let policy = if asked { self.options.recreate } else { self.options.recreate_dependencies };
        let renewed = service.networks.keys().any(|key| self.renewed.contains(key));
        let policy = if renewed && policy == Recreate::Diverged { Recreate::Force } else { policy };
        let scale = self.options.scale.get(&name).copied();
        let plan = converge(self.project, &service, &found, &image.id, policy, scale)?;
        for one in plan.remove {
            self.stop(one).await?;
            self.remove(one).await?;
        }
        let mut present: Vec<(Option<u32>, Present)> = Vec::new();
        for one in plan.keep {
            let runs = matches!(one.state(), ContainerState::Running | ContainerState::Paused);
            if runs {
                self.tell(Event::done(&format!("Container {}", one.name), "Running"));
            }
            present.push((
                one.number,
                Present { id: one.row.id.clone(), name: one.name.clone(), runs, is_new: false },
            ));
        }
        if !plan.recreate.is_empty() {
            self.stop_dependents(&name).await?;
        }
        for one in plan.recreate {
            present.push((one.number, self.recreate(&service, one, &image).await?));
        }
        for number in plan.create {
            let name = plan::container_name(self.project, &service, number);
            let object = format!("Container {name}");
            self.tell(Event::working(&object, "Creating"));
            let made = self.make(&service, &name, number, &image, &[], false).await;
            let id = made.inspect_err(|error| {
                self.tell(Event::failed(&object, &format!("Error {}", error.message)));
            })?;
            self.tell(Event::done(&object, "Created"));
            present.push((Some(number), Present { id, name, runs: false, is_new: true }));
        }
        present.sort_by_key(|(number, _)| *number);
        self.present().insert(name, present.into_iter().map(|(_, one)| one).collect());
        Ok(())
    }

    /// Makes a container, and answers its id; with `replaces` it takes the place of another.
    async fn make(
        &self,
        service: &Service,
        name: &str,
        number: u32,
        image: &Image,
        inherited: &[Inherited],
        replaces: bool,
    ) -> Result<String> {
        let mut labels =
            plan::container_labels(self.project, service, number, &image.id, &self.options.env_files);
        if replaces {
            let short = format!("{}-{number}", service.name);
            let own = &service.container_name;
            labels.insert(label::REPLACE.to_owned(), if own.is_empty() { short } else { own.clone() });
        }
        let aliases =
            plan::aliases(self.project, service, &plan::container_name(self.project, service, number));
        let instance = Instance { name, aliases, labels, inherited };
        make(self.engine, self.project, service, &instance, |_| {}, self.sink).await
    }

    /// Makes a container that takes the place of another. It has a name of its own until that is gone: an interrupted call
    /// loses nothing, and the next one ends what it has begun ([`settled`]).
    async fn recreate(&self, service: &Service, one: &FoundContainer, image: &Image) -> Result<Present> {
        let object = format!("Container {}", one.name);
        self.tell(Event::working(&object, "Recreate"));
        let containers = self.engine.containers();
        let inherited = match self.options.renew_anonymous_volumes {
            true => Vec::new(),
            false => {
                let mounts = containers.inspect(&one.row.id, false).await?.mounts;
                Inherited::of(service, &image.volumes, &mounts)
            }
        };
        let number = one.number.unwrap_or(1);
        let name = plan::container_name(self.project, service, number);
        let temporary = plan::temporary_name(&one.row.id, &name);
        let id = self.make(service, &temporary, number, image, &inherited, true).await?;
        thaw(self.engine, one).await?;
        containers.stop(&one.row.id, self.stop_options()).await?;
        let volumes = self.options.renew_anonymous_volumes;
        let options = RemoveOptions { volumes, ..RemoveOptions::default() };
        containers.remove(&one.row.id, options).await?;
        containers.rename(&id, &name).await?;
        self.tell(Event::done(&object, "Recreated"));
        Ok(Present { id, name, runs: false, is_new: true })
    }

    /// Stops those that are to be started again with this service.
    async fn stop_dependents(&self, name: &str) -> Result<()> {
        for (other, service) in &self.project.services {
            if service.depends_on.get(name).is_some_and(|dependency| dependency.restart) {
                for one in self.found.of_service(other) {
                    if one.state().is_alive() {
                        self.stop(one).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn stop_options(&self) -> StopOptions {
        StopOptions { timeout: self.options.timeout, ignore: true, ..StopOptions::default() }
    }

    async fn stop(&self, one: &FoundContainer) -> Result<()> {
        stop_one(self.engine, one, &self.stop_options(), self.sink).await
    }

    async fn remove(&self, one: &FoundContainer) -> Result<()> {
        let object = format!("Container {}", one.name);
        self.tell(Event::working(&object, "Removing"));
        let options = RemoveOptions { force: true, ignore: true, ..RemoveOptions::default() };
        self.engine.containers().remove(&one.row.id, options).await?;
        self.tell(Event::done(&object, "Removed"));
        Ok(())
    }

    /// Starts the containers of a service once what it depends on is as it wants.
    async fn start(&self, name: String) -> Result<()> {
        let Some(service) = self.project.services.get(&name) else { return Ok(()) };
        let own = self.present().get(&name).cloned().unwrap_or_default();
        if own.is_empty() {
            return Ok(());
        }
        for (other, dependency) in &service.depends_on {
            self.wait_for(&name, other, dependency).await?;
        }
        for one in own {
            // It may have been stopped since, with what it depends on.
            let runs = one.runs && {
                let state = self.engine.containers().inspect(&one.id, false).await?.state;
                state.running || state.paused
            };
            if !runs {
                self.limit.one(self.start_one(service, &one)).await?;
            }
        }
        Ok(())
    }

    async fn start_one(&self, service: &Service, one: &Present) -> Result<()> {
        let object = format!("Container {}", one.name);
        self.tell(Event::working(&object, "Starting"));
        let started = async {
            if !one.is_new {
                // An interrupted call may have made it without them.
                files::copy(self.engine, &one.id, &plan::copied(self.project, service)?).await?;
            }
            self.engine.containers().start(&one.id).await
        };
        started.await.inspect_err(|error| {
            self.tell(Event::failed(&object, &format!("Error {}", error.message)));
        })?;
        self.tell(Event::done(&object, "Started"));
        Ok(())
    }

    async fn wait_for(&self, name: &str, other: &str, dependency: &Dependency) -> Result<()> {
        let own = self.present().get(other).cloned().unwrap_or_default();
        let containers: Vec<String> = own.into_iter().map(|one| one.name).collect();
        let asked = self.options.scale.get(other).copied();
        let wanted =
            self.project.services.get(other).map_or(Ok(0), |service| plan::wanted(service, asked))?;
        let needed = Needed { service: name, other, dependency, containers: &containers, wanted };
        needed.awaited(self.engine, self.sink).await
    }

    async fn wait_for_all(&self) -> Result<()> {
        let all: Vec<Present> = self.present().values().flatten().cloned().collect();
        let one = |one: Present| async move {
            let object = format!("Container {}", one.name);
            self.tell(Event::working(&object, "Waiting"));
            until(self.engine, &one.name, Awaited::Running).await.inspect_err(|_| {
                self.tell(Event::failed(&object, "Error"));
            })?;
            self.tell(Event::done(&object, "Healthy"));
            Ok(())
        };
        futures_util::future::try_join_all(all.into_iter().map(one)).await.map(drop)
    }
}
