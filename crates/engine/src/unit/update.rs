//! `auto-update`: containers whose unit is started again with a newer image.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cove_api::{
    AutoUpdateOptions, AutoUpdateOutcome, AutoUpdateReport, AutoUpdateStatus, ContainerState, Error,
    ErrorKind, Progress, PullOptions, PullPolicy, RegistryAccess, Result,
};
use cove_config::env;
use cove_sys::systemd::Systemd;
use futures_util::StreamExt as _;

use crate::engine::{Core, blocking};
use crate::image::{self, Sender};
use crate::state::ContainerRow;

/// Which policy a container has.
const POLICY: &str = "io.containers.autoupdate";
/// The file with its registry's credentials.
const AUTH_FILE: &str = "io.containers.autoupdate.authfile";

/// Where a newer image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// The registry of its name.
    Registry,
    /// The store.
    Local,
}

impl Policy {
    /// [`None`] is for one that is never updated.
    fn parse(text: &str) -> Result<Option<Self>> {
        match text {
            "" | "disabled" => Ok(None),
            "image" | "registry" => Ok(Some(Self::Registry)),
            "local" => Ok(Some(Self::Local)),
            other => Err(Error::invalid(format!(
                "invalid auto-update policy {other:?}: valid policies are [\"disabled\" \"image\" \"local\" \
                 \"registry\"]"
            ))),
        }
    }
}

/// A container that is looked after.
#[derive(Debug)]
struct Task {
    report: AutoUpdateReport,
    policy: Policy,
    /// The image that it runs.
    image: String,
    auth_file: Option<String>,
}

/// What is to be looked after, by units, and what cannot be.
type Found = (BTreeMap<String, Vec<Task>>, Vec<Error>);

/// Looks for newer images and starts the units of what runs older ones. What fails with one container is noted and
/// keeps no other from being updated.
pub(super) async fn run(
    core: &Arc<Core>,
    options: AutoUpdateOptions,
    sender: &Sender<AutoUpdateOutcome>,
) -> Result<AutoUpdateOutcome> {
    let (units, errors) = blocking(core, find).await?;
    let mut outcome = AutoUpdateOutcome { reports: Vec::new(), errors };
    if units.is_empty() {
        return Ok(outcome);
    }
    let systemd = systemd_of(core);
    if !options.dry_run {
        let asked = systemd.clone();
        // Nothing is pulled for units that cannot be started again.
        blocking(core, move |_| asked.check().map_err(|error| failed("asking systemd", &error))).await?;
    }
    core.events.write("system", "auto-update", "", BTreeMap::new());
    let mut update = Update { core, options, sender, systemd, newest: BTreeMap::new() };
    for (unit, mut tasks) in units {
        update.unit(&unit, &mut tasks, &mut outcome.errors).await;
        outcome.reports.extend(tasks.into_iter().map(|task| task.report));
    }
    Ok(outcome)
}

/// The systemd whose units run the containers.
pub(crate) fn systemd_of(core: &Core) -> Systemd {
    let user = &core.options.directories.user;
    let standard = || PathBuf::from(format!("/run/user/{}", user.uid));
    let runtime = || core.options.environment.absolute_path(env::XDG_RUNTIME_DIR).unwrap_or_else(standard);
    Systemd::of(core.options.rootless.then(runtime))
}

fn failed(what: &str, error: &cove_sys::process::Error) -> Error {
    Error::from_chain(ErrorKind::Unavailable, error).context(what)
}

/// The running containers that have a policy.
fn find(core: &Arc<Core>) -> Result<Found> {
    let mut found = Found::default();
    for mut row in core.database()?.containers()? {
        let Some(policy) = row.config.labels.get(POLICY).cloned() else { continue };
        let task = core.refresh(&mut row).and_then(|_| match row.state {
            ContainerState::Running => task(core, &row, &policy),
            _ => Ok(None),
        });
        match task {
            Ok(Some(task)) => found.0.entry(task.report.unit.clone()).or_default().push(task),
            Ok(None) => {}
            Err(error) => found.1.push(error.context(format!("auto-updating container {:?}", row.id))),
        }
    }
    Ok(found)
}

fn task(core: &Core, row: &ContainerRow, policy: &str) -> Result<Option<Task>> {
    let Some(policy) = Policy::parse(policy)? else { return Ok(None) };
    let request = core.database()?.request(&row.id)?;
    // Which unit is started again, and which file is read, is for whoever made the container to say and not for its
    // image, whose labels it has too.
    let unit = match row.config.pod.as_str() {
        "" => request.labels.get(env::PODMAN_SYSTEMD_UNIT).cloned(),
        pod => {
            let infra = core.infra(pod)?.ok_or_else(|| Error::not_found("its pod has no infra container"))?;
            core.database()?.request(&infra.id)?.labels.get(env::PODMAN_SYSTEMD_UNIT).cloned()
        }
    };
    let unit = unit.ok_or_else(|| Error::invalid(format!("no {} label found", env::PODMAN_SYSTEMD_UNIT)))?;
    if !is_unit(&unit) {
        return Err(Error::invalid(format!("{unit:?} is no name of a unit")));
    }
    let name = if request.raw_image_name.is_empty() { &request.image } else { &request.raw_image_name };
    if name.is_empty() {
        return Err(Error::invalid("raw-image name is empty"));
    }
    let report = AutoUpdateReport {
        unit,
        container_id: row.id.clone(),
        container_name: row.name.clone(),
        image: name.strip_prefix("docker://").unwrap_or(name).to_owned(),
        policy: if policy == Policy::Local { "local" } else { "registry" }.to_owned(),
        updated: AutoUpdateStatus::Failed,
    };
    let auth_file = request.labels.get(AUTH_FILE).cloned();
    Ok(Some(Task { report, policy, image: row.config.image.id.clone(), auth_file }))
}

/// Whether systemd takes it as the name of a unit (systemd.unit(5)), and no pattern or path.
fn is_unit(name: &str) -> bool {
    name.len() < 256
        && name.contains('.')
        && !name.starts_with(['-', '.'])
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte))
}

/// An update under way.
struct Update<'a> {
    core: &'a Arc<Core>,
    options: AutoUpdateOptions,
    sender: &'a Sender<AutoUpdateOutcome>,
    systemd: Systemd,
    /// The ids that registries have under names.
    newest: BTreeMap<String, String>,
}

impl Update<'_> {
    async fn unit(&mut self, unit: &str, tasks: &mut [Task], errors: &mut Vec<Error>) {
        let mut any = false;
        for task in &mut *tasks {
            let id = task.report.container_id.clone();
            match self.is_newer(task).await {
                Err(error) => {
                    errors.push(error.context(format!("checking image updates for container {id}")));
                }
                Ok(false) => task.report.updated = AutoUpdateStatus::False,
                Ok(true) if self.options.dry_run => task.report.updated = AutoUpdateStatus::Pending,
                Ok(true) => match self.bring(task).await {
                    Ok(()) => any = true,
                    Err(error) => {
                        errors.push(error.context(format!("updating image for container {id}")));
                    }
                },
            }
        }
        if !any {
            return;
        }
        let restarted = self.restart(unit).await;
        let status = if restarted.is_ok() { AutoUpdateStatus::True } else { AutoUpdateStatus::Failed };
        let all = |tasks: &mut [Task], status| {
            for task in tasks {
                task.report.updated = status;
            }
        };
        all(tasks, status);
        let Err(error) = restarted else { return };
        let error = error.context(format!("restarting unit {unit} during update"));
        if !self.options.rollback {
            errors.push(error);
            return;
        }
        tracing::warn!("{error}");
        for task in &*tasks {
            let (image, name) = (task.image.clone(), task.report.image.clone());
            if let Err(error) = blocking(self.core, move |core| image::names::tag(core, &image, &name)).await
            {
                let id = &task.report.container_id;
                errors.push(error.context(format!("rolling back image for container {id} in unit {unit}")));
            }
        }
        match self.restart(unit).await {
            Ok(()) => all(tasks, AutoUpdateStatus::RolledBack),
            Err(error) => errors.push(error.context(format!("restarting unit {unit} during rollback"))),
        }
    }

    async fn restart(&self, unit: &str) -> Result<()> {
        let (systemd, unit) = (self.systemd.clone(), unit.to_owned());
        blocking(self.core, move |_| {
            systemd.restart(&unit).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))
        })
        .await
    }

    /// Whether another image than the task's has its name.
    async fn is_newer(&mut self, task: &Task) -> Result<bool> {
        let name = task.report.image.clone();
        if task.policy == Policy::Local {
            return Ok(self.known(&name).await? != task.image);
        }
        if !self.newest.contains_key(&name) {
            let id = image::newest(self.core, &name, self.access(task)).await?;
            self.newest.insert(name.clone(), id);
        }
        Ok(self.newest.get(&name).is_some_and(|id| *id != task.image))
    }

    /// The image that has the name here.
    async fn known(&self, name: &str) -> Result<String> {
        let name = name.to_owned();
        blocking(self.core, move |core| Ok(image::lookup::find(core, &name)?.image.id)).await
    }

    fn access(&self, task: &Task) -> RegistryAccess {
        RegistryAccess {
            auth_file: task.auth_file.clone().or_else(|| self.options.auth_file.clone()),
            tls_verify: self.options.tls_verify,
            ..RegistryAccess::default()
        }
    }

    async fn bring(&self, task: &Task) -> Result<()> {
        let name = &task.report.image;
        if task.policy == Policy::Local || self.known(name).await.ok().as_ref() == self.newest.get(name) {
            return Ok(());
        }
        let options =
            PullOptions { policy: PullPolicy::Always, access: self.access(task), ..PullOptions::default() };
        let mut steps = image::pull(self.core, name, options).await?;
        while let Some(step) = steps.next().await {
            match step? {
                Progress::Message(line) => drop(self.sender.send(Ok(Progress::Message(line)))),
                Progress::Blob(blob) => drop(self.sender.send(Ok(Progress::Blob(blob)))),
                Progress::Done(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_and_units() {
        for (text, policy) in [
            ("", None),
            ("disabled", None),
            ("image", Some(Policy::Registry)),
            ("registry", Some(Policy::Registry)),
            ("local", Some(Policy::Local)),
        ] {
            assert_eq!(Policy::parse(text).unwrap(), policy, "{text}");
        }
        assert!(Policy::parse("Registry").is_err());
        for name in ["web.service", "a@b\\x2d.service", "user-1:x.timer"] {
            assert!(is_unit(name), "{name}");
        }
        for name in ["", "web", "--root.service", "*.service", "a b.service", "../x.service", ".service"] {
            assert!(!is_unit(name), "{name}");
        }
    }
}
