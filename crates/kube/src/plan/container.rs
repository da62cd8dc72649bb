//! The request of a container.

use std::collections::BTreeMap;

use cove_api::{ContainerSpec, Namespace, PullPolicy, StringMap, signal};
use cove_spec::{name, policy};

use super::annotations::{self, of_container};
use super::environment::{ROOM, Variables, expanded};
use super::facts::{ImageFacts, Known};
use super::security::SeccompPaths;
use super::{probe, resources, security, volume};
use crate::application::Workload;
use crate::error::{Result, bail};
use crate::objects::Container;
use crate::{Source, plan::image_policy};

/// What a container is planned by.
pub(super) struct Surroundings<'a> {
    pub(super) known: &'a Known<'a>,
    pub(super) pod: &'a Workload,
    pub(super) annotations: &'a StringMap,
    pub(super) volumes: &'a BTreeMap<String, Source>,
    pub(super) seccomp: &'a SeccompPaths<'a>,
    pub(super) restart_policy: &'a str,
    /// The names of those before it.
    pub(super) before: &'a [&'a str],
    /// Whether it prepares the pod.
    pub(super) first: bool,
}

/// A container that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerPlan {
    /// Its image.
    pub image: String,
    /// When it is pulled.
    pub policy: PullPolicy,
    /// Images whose volumes are mounted where they are there.
    pub automount: Vec<String>,
    /// Whether it prepares the pod.
    pub first: bool,
    /// The request as far as it follows from the file.
    draft: ContainerSpec,
    variables: Variables,
    command: Vec<String>,
    args: Vec<String>,
    not_as_root: bool,
}

impl ContainerPlan {
    /// The name it gets.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.draft.name
    }

    /// The request, for a pod that is there.
    ///
    /// # Errors
    /// It must not run as root, and would.
    pub fn spec(&self, pod_id: &str, image: &ImageFacts) -> Result<ContainerSpec> {
        let mut spec = self.draft.clone();
        pod_id.clone_into(&mut spec.pod);
        let mut room = ROOM;
        spec.env = self.variables.resolved(&image.env, pod_id, &mut room)?;
        let mut all: StringMap = image
            .env
            .iter()
            .filter_map(|text| text.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        all.extend(spec.env.clone());
        let mut expanded = |words: &[String]| {
            words.iter().map(|word| expanded(word, &all, &mut room)).collect::<Result<Vec<_>>>()
        };
        if !self.command.is_empty() {
            spec.entrypoint = Some(expanded(&self.command)?);
        }
        spec.command = expanded(&self.args)?;
        let user = if spec.user.is_empty() { &image.user } else { &spec.user };
        if self.not_as_root && is_root(user) {
            bail!("container {:?} has runAsNonRoot and would run as root", self.draft.name);
        }
        Ok(spec)
    }
}

fn is_root(user: &str) -> bool {
    let user = user.split(':').next().unwrap_or_default();
    user.is_empty() || user == "root" || user.parse() == Ok(0_u32)
}

/// What a container of a file comes to.
pub(super) fn plan(container: &Container, around: &Surroundings<'_>) -> Result<ContainerPlan> {
    let options = around.known.options;
    let notes = around.annotations;
    if container.name.is_empty() {
        bail!("it does not have a name");
    }
    if container.image.is_empty() {
        bail!("container {:?} is missing the required 'image' field", container.name);
    }
    if around.first && has_probes(container) {
        bail!(
            "cannot create an init container that has either of lifecycle, livenessProbe, readinessProbe, or startupProbe set"
        );
    }
    let mut spec = draft(container, around)?;
    name::container(&spec.name)?;
    if !options.log_driver.is_empty() || !options.log_options.is_empty() {
        let driver = Some(options.log_driver.as_str()).filter(|driver| !driver.is_empty());
        spec.log_configuration = Some(policy::log(driver, options.log_options.iter().map(String::as_str))?);
    }
    let pods = around.pod.spec.security_context.as_ref();
    let own = container.security_context.as_ref();
    security::apply(&container.name, own, pods, around.seccomp, &mut spec)?;
    resources::apply(container, notes, &mut spec)?;
    let restarts = matches!(around.restart_policy, "always" | "on-failure");
    probe::apply(container, restarts, &mut spec)?;
    for mount in &container.volume_mounts {
        volume::mount(mount, around.volumes, notes, &mut spec)?;
    }
    spec.volumes_from = volumes_from(container, around)?;
    by_annotations(&container.name, notes, &mut spec)?;
    if let Some(seconds) = around.pod.spec.termination_grace_period_seconds.filter(|_| !around.first) {
        let Ok(seconds) = u32::try_from(seconds) else {
            bail!("terminationGracePeriodSeconds is no span of time")
        };
        spec.stop_timeout = Some(seconds);
    }
    if let Some(lifecycle) = container.lifecycle.as_ref().filter(|one| !one.stop_signal.is_empty()) {
        spec.stop_signal = Some(signal::parse(&lifecycle.stop_signal)?);
    }
    Ok(ContainerPlan {
        image: container.image.clone(),
        policy: image_policy(&container.image, &container.image_pull_policy)?,
        automount: of_container(notes, annotations::AUTOMOUNT, &container.name)
            .map(|text| text.split(';').filter(|name| !name.is_empty()).map(str::to_owned).collect())
            .unwrap_or_default(),
        first: around.first,
        variables: Variables::of(container, around)?,
        command: container.command.clone(),
        args: container.args.clone(),
        not_as_root: own.and_then(|own| own.run_as_non_root) == Some(true),
        draft: spec,
    })
}

fn has_probes(container: &Container) -> bool {
    container.lifecycle.is_some()
        || container.liveness_probe.is_some()
        || container.readiness_probe.is_some()
        || container.startup_probe.is_some()
}

/// What needs no more than a look.
fn draft(container: &Container, around: &Surroundings<'_>) -> Result<ContainerSpec> {
    let pod = around.pod;
    let notes = around.annotations;
    let prefixed = around.first || !around.known.options.no_pod_prefix;
    let mut annotations = notes.clone();
    annotations.insert(annotations::HEALTH_CHECK.to_owned(), "true".to_owned());
    let mut labels = StringMap::new();
    for label in annotations::AUTO_UPDATE {
        let value =
            of_container(notes, label, &container.name).or_else(|| notes.get(label).map(String::as_str));
        labels.extend(value.map(|value| (label.to_owned(), value.to_owned())));
    }
    labels.extend(pod.labels.clone());
    let mut spec = ContainerSpec {
        name: if prefixed { format!("{}-{}", pod.name, container.name) } else { container.name.clone() },
        image: container.image.clone(),
        raw_image_name: container.image.clone(),
        image_volume_mode: "anonymous".into(),
        work_dir: container.working_dir.clone(),
        terminal: Some(container.tty),
        stdin: container.stdin.then_some(true),
        read_write_tmpfs: Some(true),
        sdnotify_mode: "ignore".into(),
        annotations,
        labels,
        restart_policy: if around.first { "no".into() } else { around.restart_policy.to_owned() },
        ..ContainerSpec::default()
    };
    if around.first {
        spec.init_container_type = match notes.get(annotations::INIT_TYPE).map(String::as_str) {
            None | Some("" | "once") => "once".into(),
            Some("always") => "always".into(),
            Some(other) => bail!("unknown type {other:?} of an init container: once or always"),
        };
    } else if pod.spec.host_pid {
        spec.pidns = Namespace::new("host");
    }
    Ok(spec)
}

fn by_annotations(container: &str, notes: &StringMap, spec: &mut ContainerSpec) -> Result<()> {
    let truth = |key: &str| match of_container(notes, key, container) {
        None => Ok(None),
        Some("TRUE" | "true" | "True" | "1") => Ok(Some(true)),
        Some("FALSE" | "false" | "False" | "0") => Ok(Some(false)),
        Some(other) => bail!("{key}/{container}: {other:?} is neither true nor false"),
    };
    if let Some(remove) = truth(annotations::AUTOREMOVE)? {
        spec.remove = Some(remove);
    }
    if let Some(init) = truth(annotations::INIT)? {
        spec.init = Some(init);
    }
    if let Some(text) = of_container(notes, annotations::LABEL, container) {
        for label in text.split(",label=").filter(|label| *label != "nested") {
            if !spec.selinux_opts.iter().any(|known| known == label) {
                spec.selinux_opts.push(label.to_owned());
            }
        }
    }
    Ok(())
}

/// The containers whose volumes it gets: `NAME[:OPTIONS];…`, those before it in the pod by their names in the file.
fn volumes_from(container: &Container, around: &Surroundings<'_>) -> Result<Vec<String>> {
    let key = annotations::VOLUMES_FROM;
    let Some(text) = of_container(around.annotations, key, &container.name).filter(|text| !text.is_empty())
    else {
        return Ok(Vec::new());
    };
    let mut from = Vec::new();
    for entry in text.split(';') {
        let (name, options) = match entry.split_once(':') {
            Some((name, options)) => (name, Some(options)),
            None => (entry, None),
        };
        if options.is_some_and(|options| options.contains(':')) {
            bail!("invalid annotation {key}/{} value", container.name);
        }
        if name.is_empty() {
            bail!("from container name cannot be empty in annotation {key}/{}", container.name);
        }
        if name == container.name {
            bail!("to and from container names cannot be same in annotation {key}/{}", container.name);
        }
        let place = around.before.iter().position(|known| *known == name);
        let first = place.is_some_and(|place| place < around.pod.spec.init_containers.len());
        let full = match place {
            Some(_) if first || !around.known.options.no_pod_prefix => format!("{}-{name}", around.pod.name),
            _ => name.to_owned(),
        };
        from.push(match options {
            Some(options) => format!("{full}:{options}"),
            None => full,
        });
    }
    Ok(from)
}
