//! Playing: first everything is read, planned and pulled, then it is made.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;

use cove_api::{
    Containers, Error, ErrorKind, KubePlayOptions, KubePod, KubeReport, KubeSecret, KubeVolume, Network,
    NetworkCreateOptions, Networks, PodRemoveOptions, PodSpec, Pods, RemoveOptions, Result,
    SecretCreateReport,
};
use cove_config::env::PODMAN_SYSTEMD_UNIT;
use cove_kube::{Application, Claim, DEFAULT_NETWORK, HostFacts, Known, PodPlan};

use super::archive::Contexts;
use super::images::{self, Facts};
use super::{host_path, named, secrets, volumes};
use crate::engine::{LocalEngine, blocking};

/// Makes and starts all of it. Images are built for which there is a context, and else pulled.
pub(super) async fn play(
    engine: &LocalEngine,
    application: &Application,
    options: KubePlayOptions,
    contexts: Option<&Contexts>,
) -> Result<KubeReport> {
    application.check_playable()?;
    application.remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
    let claims = application
        .claims
        .iter()
        .map(|claim| Ok(cove_kube::claim(claim, &options)?))
        .collect::<Result<Vec<_>>>()?;
    let known_secrets = secrets::known(engine, application, options.replace).await?;
    let host = blocking(&engine.core, |_| Ok(host_facts())).await?;
    let room = AtomicUsize::new(cove_kube::COPIES);
    let mut plans = Vec::new();
    for (place, workload) in application.workloads.iter().enumerate() {
        let known = Known {
            room: &room,
            options: &options,
            config_maps: &application.config_maps,
            secrets: &known_secrets,
            host,
            place,
        };
        plans.push(workload.plan(&known)?);
    }
    let imports: Vec<String> = claims.iter().filter_map(|claim| claim.import.clone()).collect();
    blocking(&engine.core, move |_| imports.iter().try_for_each(|path| volumes::check_import(path))).await?;
    check(engine, &plans, &options).await?;
    let facts = images::bring(engine, &plans, &options, contexts).await?;
    // What is refused because of an image is refused before anything is made or replaced.
    for container in plans.iter().flat_map(|plan| &plan.containers) {
        if let Some(image) = facts.get(&container.image) {
            let mut spec = container.spec("", &image.facts)?;
            for name in &container.automount {
                images::mount_volumes(engine, name, &mut spec).await?;
            }
        }
    }
    make(engine, application, &claims, &plans, &facts, &options).await
}

fn host_facts() -> HostFacts {
    let memory = crate::system::total_memory();
    let processors = std::thread::available_parallelism().map_or(1, |number| number.get() as u64);
    HostFacts { memory, processors }
}

/// Refuses what would be refused on the way, as far as that can be known before.
async fn check(engine: &LocalEngine, plans: &[PodPlan], options: &KubePlayOptions) -> Result<()> {
    for plan in plans {
        plan.remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
        if !options.replace && named::pod(engine, &plan.spec.name).await?.is_some() {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("adding pod to state: name {:?} is in use: pod already exists", plan.spec.name),
            ));
        }
    }
    if plans.iter().any(|plan| plan.spec.networks.contains_key(DEFAULT_NETWORK)) {
        let network = Network { name: DEFAULT_NETWORK.to_owned(), dns_enabled: true, ..Network::default() };
        let options = NetworkCreateOptions { ignore_if_exists: true };
        Networks::create(engine, network, options).await?;
    }
    for plan in plans {
        // The name of an infra container may be that of the pod to be replaced.
        let spec = PodSpec { infra_name: String::new(), ..plan.spec.clone() };
        Pods::check(engine, spec).await?;
    }
    let sources: Vec<_> = plans.iter().flat_map(|plan| plan.volumes.values().cloned()).collect();
    blocking(&engine.core, move |_| sources.iter().try_for_each(host_path::check)).await
}

async fn make(
    engine: &LocalEngine,
    application: &Application,
    claims: &[Claim],
    plans: &[PodPlan],
    facts: &BTreeMap<String, Facts>,
    options: &KubePlayOptions,
) -> Result<KubeReport> {
    let mut report = KubeReport::default();
    if options.replace {
        for plan in plans {
            if let Some(id) = named::pod(engine, &plan.spec.name).await? {
                remove_pod(engine, &id).await?;
            }
        }
    }
    for claim in claims {
        volumes::make(engine, claim).await?;
        report.volumes.push(KubeVolume { name: claim.options.name.clone() });
    }
    for secret in &application.secrets {
        let id = secrets::keep(engine, secret).await?;
        report.secrets.push(KubeSecret { create_report: SecretCreateReport { id } });
    }
    for plan in plans {
        report.pods.push(make_pod(engine, plan, facts, options).await?);
    }
    Ok(report)
}

/// Removes a pod with all in it; none is no error.
async fn remove_pod(engine: &LocalEngine, name: &str) -> Result<()> {
    let options = PodRemoveOptions { force: true, ..PodRemoveOptions::default() };
    match Pods::remove(engine, name, options).await {
        Ok(report) => match report.err {
            None => Ok(()),
            Some(error) => Err(Error::internal(error).context(format!("replacing pod {name}"))),
        },
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.context(format!("replacing pod {name}"))),
    }
}

async fn make_pod(
    engine: &LocalEngine,
    plan: &PodPlan,
    facts: &BTreeMap<String, Facts>,
    options: &KubePlayOptions,
) -> Result<KubePod> {
    let sources: Vec<_> = plan.volumes.values().cloned().collect();
    blocking(&engine.core, move |_| sources.iter().try_for_each(host_path::prepare)).await?;
    for source in plan.volumes.values() {
        volumes::fill(engine, source).await?;
    }
    let mut spec = plan.spec.clone();
    if let Some(unit) = engine.core.options.environment.get(PODMAN_SYSTEMD_UNIT) {
        spec.labels.insert(PODMAN_SYSTEMD_UNIT.to_owned(), unit.to_owned());
    }
    let id = Pods::create(engine, spec).await?.id;
    let mut pod = KubePod { id, ..KubePod::default() };
    if let Err(error) = make_containers(engine, plan, facts, options, &mut pod).await {
        // A pod with some of its containers is none that was asked for.
        if let Err(left) = remove_pod(engine, &pod.id).await {
            tracing::warn!("pod {} is left: {left}", plan.spec.name);
        }
        return Err(error);
    }
    if options.start {
        let started = Pods::start(engine, &pod.id).await?;
        pod.container_errors = started.errs;
    }
    Ok(pod)
}

async fn make_containers(
    engine: &LocalEngine,
    plan: &PodPlan,
    facts: &BTreeMap<String, Facts>,
    options: &KubePlayOptions,
    pod: &mut KubePod,
) -> Result<()> {
    for container in &plan.containers {
        let image = facts
            .get(&container.image)
            .ok_or_else(|| Error::internal(format!("image {} was not looked at", container.image)))?;
        let mut spec = container.spec(&pod.id, &image.facts)?;
        for name in &container.automount {
            images::mount_volumes(engine, name, &mut spec).await?;
        }
        if options.replace && !named::is_another_container(engine, container.name()).await? {
            let options = RemoveOptions { force: true, ignore: true, ..RemoveOptions::default() };
            Containers::remove(engine, container.name(), options).await?;
        }
        let made = Containers::create(engine, spec).await?;
        made.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        let list = if container.first { &mut pod.init_containers } else { &mut pod.containers };
        list.push(made.id);
    }
    Ok(())
}
