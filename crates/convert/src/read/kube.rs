//! Kubernetes YAML, as `cove kube play` understands it.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;

use cove_api::{KubePlayOptions, PullPolicy, Result};
use cove_kube::{
    COPIES, ContainerPlan, DEFAULT_NETWORK, HostFacts, HostPathKind, ImageFacts, Known, PodPlan, Source,
    claim, image_policy, secret_data, stored_secret,
};

use crate::loss::Losses;
use crate::model::{Application, Container, Network, Volume};

/// Annotations that have become fields of requests.
const NOTES: [&str; 3] = ["io.podman.annotations.", "io.containers.sdnotify", "bind-mount-options"];

/// The application that a text describes. `folder` is where relative paths of the host begin.
///
/// # Errors
/// It is no Kubernetes YAML, describes nothing to be made, or something that `kube play` refuses.
pub fn kube(text: &str, folder: Option<&str>, losses: &mut Losses) -> Result<Application> {
    let mut written = cove_kube::Application::parse(text)?;
    written.check_playable()?;
    for job in std::mem::take(&mut written.jobs) {
        losses
            .of(format!("CronJob {}", job.name))
            .lost("schedule", "nothing here keeps it: the job is left out");
    }
    for unused in &written.unused {
        losses.of(format!("line {}", unused.line)).lost(&unused.path, "it has no effect here");
    }
    for remark in &written.remarks {
        losses.of("the file").lost("replicas", remark);
    }
    let options = KubePlayOptions { folder: folder.map(str::to_owned), ..KubePlayOptions::default() };
    let mut secrets = BTreeMap::new();
    for secret in &written.secrets {
        let why = "it is not kept: its values stand in the open where containers have them as variables";
        losses.of(format!("secret {}", secret.name())).lost("data", why);
        secrets.insert(secret.name().to_owned(), secret_data(secret.name(), &stored_secret(secret)?)?);
    }
    let mut application = Application::default();
    for written in &written.claims {
        let claim = claim(written, &options)?;
        if claim.import.is_some() {
            losses
                .of(format!("volume {}", written.name()))
                .lost("import-source", "only kube play imports it");
        }
        let options = claim.options;
        application.add_volume(Volume { key: options.name.clone(), options, is_external: false });
    }
    let room = AtomicUsize::new(COPIES);
    for (place, workload) in written.workloads.iter().enumerate() {
        let known = Known {
            options: &options,
            config_maps: &written.config_maps,
            secrets: &secrets,
            host: HostFacts::default(),
            room: &room,
            place,
        };
        add(workload.plan(&known)?, &mut application, losses)?;
    }
    let is_used = application.pods.iter().any(|pod| pod.networks.contains_key(DEFAULT_NETWORK));
    if is_used {
        // A play makes it.
        let network = cove_api::Network {
            name: DEFAULT_NETWORK.into(),
            dns_enabled: true,
            ..cove_api::Network::default()
        };
        application.add_network(Network { key: DEFAULT_NETWORK.into(), network, is_external: false });
    }
    if let [only] = application.pods.as_slice() {
        application.name.clone_from(&only.name);
    }
    Ok(application)
}

fn add(plan: PodPlan, application: &mut Application, losses: &mut Losses) -> Result<()> {
    let PodPlan { mut spec, volumes, containers, remarks } = plan;
    for remark in remarks {
        losses.of(format!("pod {}", spec.name)).lost("pod", &remark);
    }
    // So it is where nobody says otherwise.
    if spec.userns.is_host() {
        spec.userns = cove_api::Namespace::default();
    }
    let mut folders = Vec::new();
    for (name, source) in &volumes {
        let mut lost = losses.of(format!("pod {}", spec.name));
        let field = format!("volumes.{name}");
        match source {
            Source::Host { path, kind: HostPathKind::DirectoryOrCreate } => folders.push(path.clone()),
            Source::Host {
                kind: HostPathKind::Any | HostPathKind::CharDevice | HostPathKind::BlockDevice,
                ..
            } => {}
            Source::Host { .. } => {
                lost.lost(&format!("{field}.hostPath.type"), "nobody looks what is there, or makes a file");
            }
            Source::Files { .. } => lost.lost(&field, "only kube play puts the files into the volume"),
            Source::Image { policy: PullPolicy::Always | PullPolicy::Never, .. } => {
                lost.lost(&format!("{field}.image.pullPolicy"), "the engine decides");
            }
            Source::Named { .. }
            | Source::Empty(_)
            | Source::Memory
            | Source::Image { .. }
            | Source::Missing => {}
        }
    }
    let pod = spec.name.clone();
    application.add_pod(spec);
    for container in containers {
        application.add(self::container(&container, &pod, &folders, losses)?);
    }
    Ok(())
}

fn container(plan: &ContainerPlan, pod: &str, folders: &[String], losses: &mut Losses) -> Result<Container> {
    let mut lost = losses.of(format!("container {}", plan.name()));
    lost.given("automount", &plan.automount, "only kube play mounts the volumes of other images");
    let mut spec = plan.spec(pod, &ImageFacts::default())?;
    spec.annotations.retain(|key, _| !NOTES.iter().any(|note| key.starts_with(note)));
    // A play's containers say nothing to systemd; others do where it asks them.
    spec.sdnotify_mode.clear();
    let bound = spec.mounts.iter().filter(|mount| mount.kind == "bind").map(|mount| mount.source.clone());
    spec.create_bind_sources = bound.filter(|source| folders.contains(source)).collect();
    let pull = match plan.policy {
        policy if image_policy(&plan.image, "")? == policy => "",
        PullPolicy::Always => "always",
        PullPolicy::Missing => "missing",
        PullPolicy::Never => "never",
        PullPolicy::Newer => "newer",
    };
    Ok(Container { key: plan.name().to_owned(), spec, pull: pull.to_owned(), ..Container::default() })
}
