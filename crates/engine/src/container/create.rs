//! Making a container.

use std::sync::Arc;

use cove_api::{
    ContainerCreateReport, ContainerSpec, ContainerState, Error, ErrorKind, ImageVolume, Mount, Namespace,
    OverlayVolume, Result, Timestamp,
};
use cove_storage::{ContainerOptions, container_metadata};

use crate::container::settle::settle;
use crate::container::{block, init, inspect, resolve, storage, userns, validate};
use crate::engine::{Core, remove_directory};
use crate::error::storage as storage_error;
use crate::event::INSPECT_DATA;
use crate::lock::ObjectLock;
use crate::name;
use crate::pod::no_such_pod;
use crate::state::{
    ContainerConfig, ContainerRow, ContainerStatus, ImageFacts, IpcMode, MountKind, NetworkMode, PodRow,
    RECORD_VERSION,
};

/// Where a new container is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// In no pod.
    Alone,
    /// In a pod.
    Member(&'a PodRow),
    /// In a new pod, whose namespaces it holds.
    Infra(&'a PodRow),
    /// Nowhere: it is a step of a build, which says what its image is so far.
    Step(&'a ImageFacts),
}

/// A container that nobody knows yet.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Its row; the name may be empty.
    pub(crate) row: ContainerRow,
    /// Things the user should know.
    pub(crate) warnings: Vec<String>,
    /// Held until the row is entered: nobody else chooses the ids that were chosen for it.
    pub(crate) ids: Option<ObjectLock>,
}

/// Makes a container; its image must be in the store.
pub(super) fn create(core: &Arc<Core>, request: ContainerSpec) -> Result<ContainerCreateReport> {
    create_as(core, request, None)
}

/// As [`create`], with the id that it had elsewhere.
pub(super) fn create_as(
    core: &Arc<Core>,
    request: ContainerSpec,
    id: Option<String>,
) -> Result<ContainerCreateReport> {
    let id = id.map_or_else(name::random_id, Ok)?;
    let mut request = request;
    if let (true, Some(runtime)) = (request.oci_runtime.is_empty(), &core.options.runtime) {
        request.oci_runtime.clone_from(runtime);
    }
    let pod = if request.pod.is_empty() { None } else { Some(core.find_pod(&request.pod)?) };
    let Draft { mut row, warnings, ids: _ids } =
        draft_as(core, &request, pod.as_ref().map_or(Place::Alone, Place::Member), id)?;
    add(core, &mut row, &request).map_err(|error| match &pod {
        // Removed meanwhile.
        Some(pod) if matches!(core.database().map(|database| database.pod(&pod.id)), Ok(Ok(None))) => {
            no_such_pod(&pod.name)
        }
        _ => error,
    })?;
    finish(core, &row)?;
    if !request.preserve_fds.is_empty() {
        core.pass(&row.id, request.preserve_fds);
    }
    Ok(ContainerCreateReport { id: row.id, warnings })
}

/// Refuses what [`create`] would refuse whatever the image is like, and makes nothing. A pod that is yet to be made
/// (`new:NAME`) is none to look at.
pub(crate) fn check(core: &Arc<Core>, mut spec: ContainerSpec) -> Result<()> {
    validate::validate(&mut spec)?;
    crate::descriptors::preserved(&spec.preserve_fds)?;
    if !spec.pod.is_empty() && !spec.pod.starts_with("new:") {
        let pod = core.find_pod(&spec.pod)?;
        crate::pod::join(core, &pod, &mut spec)?;
    }
    let mut dependencies = resolve_containers(core, &mut spec)?;
    required(core, &spec, &mut dependencies)?;
    block::resolve(&mut spec)?;
    volumes_from(core, &mut spec, &mut dependencies)?;
    let surroundings = resolve::Surroundings {
        conf: &core.options.containers,
        environment: &core.options.environment,
        rootless: core.options.rootless,
        // The program that holds a pod's namespaces has none.
        init: if spec.image.is_empty() && spec.rootfs.is_empty() {
            None
        } else {
            init::program(core, &spec)?
        },
    };
    // Of the image nothing is known: it has whatever is needed.
    let mut image = ImageFacts::default();
    image.config.cmd.push("/".to_owned());
    image.config.healthcheck = Some(serde_json::json!({"Test": ["CMD", "/"]}));
    // Which ids are free to choose is not known before they are.
    if userns::lock(core, &spec)?.is_none() {
        userns::resolve(core, &spec, &image, &mut dependencies)?;
    }
    let id = name::random_id()?;
    let mut config = resolve::resolve(&id, &spec, image, &surroundings)?;
    crate::secret::resolve(core, &spec, &mut config)?;
    if !spec.image.is_empty() && crate::image::lookup::find(core, &spec.image).is_err() {
        // What is pulled may be what is mounted.
        config.mounts.retain(|mount| mount.kind != MountKind::Image);
    }
    settle(core, &id, &spec, &mut config)
}

/// Gives a container that has been entered its layer, and tells.
pub(crate) fn finish(core: &Arc<Core>, row: &ContainerRow) -> Result<()> {
    let secrets = crate::secret::keep(core, &row.id, &row.config.secrets);
    if let Err(error) = secrets.and_then(|()| make_layer(core, row)) {
        // Nothing half made is left.
        remove_directory(&core.container_dir(&row.id))?;
        core.database()?.remove_container(&row.id)?;
        return Err(error);
    }
    tell(core, row);
    Ok(())
}

/// Tells that it was made, with all about it where containers.conf wants that.
fn tell(core: &Core, row: &ContainerRow) {
    let mut attributes = core.event_attributes(row);
    if core.options.containers.engine.events_container_create_inspect_data == Some(true) {
        let data = inspect::inspect(core, &row.id, true)
            .and_then(|all| serde_json::to_string(&all).map_err(|error| Error::internal(error.to_string())));
        match data {
            Ok(data) => {
                attributes.insert(INSPECT_DATA.to_owned(), data);
            }
            Err(error) => tracing::warn!("inspecting container {} for its event: {error}", row.id),
        }
    }
    core.events.write("container", "create", &row.id, attributes);
}

/// What a container of that request would be. Its volumes are made.
pub(crate) fn draft(core: &Arc<Core>, request: &ContainerSpec, place: Place<'_>) -> Result<Draft> {
    draft_as(core, request, place, name::random_id()?)
}

fn draft_as(core: &Arc<Core>, request: &ContainerSpec, place: Place<'_>, id: String) -> Result<Draft> {
    let mut spec = request.clone();
    if matches!(place, Place::Alone | Place::Member(_)) {
        storage::add_configured(&core.options.containers, core.options.rootless, &mut spec)?;
    }
    validate::validate(&mut spec)?;
    // Told before anything is made.
    crate::descriptors::preserved(&request.preserve_fds)?;
    let mut warnings = Vec::new();
    let infra = match place {
        Place::Member(pod) => crate::pod::join(core, pod, &mut spec)?,
        Place::Infra(_) | Place::Alone | Place::Step(_) => None,
    };
    let pause = matches!(place, Place::Infra(_)) && spec.image.is_empty();
    if pause {
        crate::pod::wait_in(&core.container_dir(&id), &mut spec);
    }
    let image = match place {
        Place::Step(facts) => facts.clone(),
        _ if pause => ImageFacts::default(),
        _ => image_facts(core, &spec)?,
    };
    let mut dependencies = resolve_containers(core, &mut spec)?;
    required(core, &spec, &mut dependencies)?;
    block::resolve(&mut spec)?;
    volumes_from(core, &mut spec, &mut dependencies)?;
    if let Some(infra) = &infra {
        take_mounts(&mut spec, infra, &[]);
        dependencies.retain(|id| *id != infra.id);
        dependencies.push(infra.id.clone());
    }
    // Held until the ids that are chosen are noted in the store.
    let ids = userns::lock(core, &spec)?;
    let mut dependencies_of_user = Vec::new();
    let chosen = userns::resolve(core, &spec, &image, &mut dependencies_of_user)?;
    for id in dependencies_of_user {
        if !dependencies.contains(&id) {
            dependencies.push(id);
        }
    }
    if spec.user.is_empty() {
        spec.user.clone_from(&chosen.user);
    }
    spec.hostusers.extend(chosen.host_user.clone());
    let surroundings = resolve::Surroundings {
        conf: &core.options.containers,
        environment: &core.options.environment,
        rootless: core.options.rootless,
        init: if pause { None } else { init::program(core, &spec)? },
    };
    let mut config = resolve::resolve(&id, &spec, image, &surroundings)?;
    config.dependencies = dependencies;
    config.userns = chosen.namespace;
    crate::secret::resolve(core, &spec, &mut config)?;
    if let NetworkMode::Container(other) = &config.network
        && spec.hostname.is_empty()
    {
        config.hostname = core.find_container(other)?.config.hostname;
    }
    match place {
        Place::Member(pod) => crate::pod::settle_member(core, pod, infra.as_ref(), &spec, &mut config),
        Place::Infra(pod) => {
            config.pod.clone_from(&pod.id);
            (config.infra, config.pause) = (true, pause);
            crate::pod::place_cgroup(core, pod, &spec, &mut config);
        }
        Place::Alone | Place::Step(_) => {}
    }
    settle(core, &id, &spec, &mut config)?;
    let no_ports = match &config.network {
        NetworkMode::Host => Some("host"),
        NetworkMode::None => Some("none"),
        NetworkMode::Container(_) => Some("container"),
        NetworkMode::Path(_) => Some("path"),
        NetworkMode::Private => Some("private"),
        NetworkMode::Bridge | NetworkMode::Userland | NetworkMode::Pasta | NetworkMode::Slirp => None,
    };
    if let Some(mode) = no_ports.filter(|_| !spec.portmappings.is_empty()) {
        warnings.push(format!(
            "Port mappings have been discarded because {mode:?} network namespace mode does not support them"
        ));
    }
    if config.settings.systemd.is_some() && !core.cgroup().is_enabled() {
        warnings.push("systemd in the container has no cgroup that it can write to".to_owned());
    }
    storage::make_sources(&config.mounts, &spec.create_bind_sources)?;
    make_volumes(core, &mut config)?;
    let now = Timestamp::now();
    let row = ContainerRow {
        name: spec.name,
        created: i64::try_from(now.as_nanosecond()).unwrap_or_default(),
        state: ContainerState::Created,
        status: ContainerStatus { version: RECORD_VERSION, ..ContainerStatus::default() },
        config,
        id,
    };
    Ok(Draft { row, warnings, ids })
}

/// Enters the container into the database, under the given or a random name.
fn add(core: &Core, row: &mut ContainerRow, request: &ContainerSpec) -> Result<()> {
    let database = core.database()?;
    // One that goes with its end need not survive a power loss.
    let durable = !row.config.auto_remove;
    if !row.name.is_empty() {
        return match database.add_container(row, request, durable)? {
            None => Ok(()),
            Some(holder) => Err(name_in_use(&row.name, &holder)),
        };
    }
    for _ in 0..32 {
        row.name = name::random_name()?;
        if database.add_container(row, request, durable)?.is_none() {
            return Ok(());
        }
    }
    row.name = format!("{}_{}", name::random_name()?, name::short(&row.id));
    match database.add_container(row, request, durable)? {
        None => Ok(()),
        Some(holder) => Err(name_in_use(&row.name, &holder)),
    }
}

/// The error for a name that is taken, in podman's words.
pub(crate) fn name_in_use(name: &str, holder: &str) -> Error {
    Error::new(
        ErrorKind::AlreadyExists,
        format!(
            "the container name {name:?} is already in use by {holder}. You have to remove that container to be able to reuse that name: that name is already in use"
        ),
    )
}

/// The container's writable layer in the store; [`None`] where it has none.
pub(super) fn layer(row: &ContainerRow) -> Option<ContainerOptions> {
    let config = &row.config;
    let created = row.created / 1_000_000_000;
    config.rootfs.is_none().then(|| ContainerOptions {
        id: Some(row.id.clone()),
        names: vec![row.name.clone()],
        image: Some(config.image.id.clone()),
        metadata: container_metadata(&row.name, &config.image.name, &config.image.id, created),
        mount_label: String::new(),
        uid_map: config.userns.users.iter().map(|range| range.stored()).collect(),
        gid_map: config.userns.groups.iter().map(|range| range.stored()).collect(),
        volatile: config.auto_remove,
    })
}

fn make_layer(core: &Core, row: &ContainerRow) -> Result<()> {
    let Some(options) = layer(row) else { return Ok(()) };
    core.store()?.create_container(options).map(drop).map_err(|error| match error {
        cove_storage::StorageError::NameInUse { name, id, .. } => {
            let mut error = name_in_use(&name, &id);
            error.message.push_str(" by an external entity");
            error
        }
        other => storage_error(other),
    })
}

fn image_facts(core: &Core, spec: &ContainerSpec) -> Result<ImageFacts> {
    if !spec.rootfs.is_empty() {
        if !std::path::Path::new(&spec.rootfs).is_dir() {
            return Err(Error::invalid(format!("root file system {} is not a directory", spec.rootfs)));
        }
        return Ok(ImageFacts::default());
    }
    if spec.image.is_empty() {
        return Err(Error::invalid("must set image or rootfs to create a container"));
    }
    let platform = [spec.image_os.as_str(), spec.image_arch.as_str(), spec.image_variant.as_str()];
    crate::image::lookup::facts(core, &spec.image, &spec.raw_image_name, platform)
}

/// Puts whole ids in place of the containers named in namespaces; answers them.
fn resolve_containers(core: &Core, spec: &mut ContainerSpec) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    let namespaces: [&mut Namespace; 5] =
        [&mut spec.pidns, &mut spec.utsns, &mut spec.ipcns, &mut spec.cgroupns, &mut spec.netns];
    for namespace in namespaces {
        if namespace.nsmode == "container" {
            let id = core.find_container(&namespace.value)?.id;
            namespace.value.clone_from(&id);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    if spec.ipcns.nsmode == "container" {
        let donor = core.find_container(&spec.ipcns.value)?;
        match donor.config.namespaces.ipc {
            IpcMode::Shareable | IpcMode::Container(_) => {}
            IpcMode::Host => spec.ipcns = Namespace::new("host"),
            IpcMode::Private | IpcMode::None | IpcMode::Path(_) => {
                return Err(Error::invalid(format!(
                    "joining IPC of container {} is not allowed: non-shareable IPC (hint: use IpcMode:shareable for the donor container)",
                    donor.id
                )));
            }
        }
    }
    Ok(ids)
}

/// Containers that must run before it does.
fn required(core: &Core, spec: &ContainerSpec, dependencies: &mut Vec<String>) -> Result<()> {
    for name in spec.dependency_containers.iter().flat_map(|names| names.split(',')) {
        let id = core.find_container(name)?.id;
        if !dependencies.contains(&id) {
            dependencies.push(id);
        }
    }
    Ok(())
}

/// Takes over the mounts of other containers (`NAME[:ro|rw|z]`).
fn volumes_from(core: &Core, spec: &mut ContainerSpec, dependencies: &mut Vec<String>) -> Result<()> {
    for entry in spec.volumes_from.clone() {
        let (name, options) = entry.split_once(':').unwrap_or((&entry, ""));
        let options: Vec<String> =
            options.split(',').filter(|option| !option.is_empty()).map(ToOwned::to_owned).collect();
        if let Some(bad) = options.iter().find(|option| !matches!(option.as_str(), "ro" | "rw" | "z")) {
            return Err(Error::invalid(format!("invalid option {bad:?} in --volumes-from {entry}")));
        }
        let other = core.find_container(name)?;
        take_mounts(spec, &other, &options);
        if !dependencies.contains(&other.id) {
            dependencies.push(other.id);
        }
    }
    Ok(())
}

/// Takes over the mounts of another container, but where the request mounts something itself.
fn take_mounts(spec: &mut ContainerSpec, other: &ContainerRow, options: &[String]) {
    let taken = |spec: &ContainerSpec, destination: &str| {
        spec.mounts.iter().any(|mount| storage::clean(&mount.destination) == destination)
            || spec.volumes.iter().any(|volume| storage::clean(&volume.dest) == destination)
            || spec.overlay_volumes.iter().any(|mount| storage::clean(&mount.destination) == destination)
            || spec.image_volumes.iter().any(|mount| storage::clean(&mount.destination) == destination)
    };
    let with_options = |theirs: &[String]| {
        let mut all = theirs.to_vec();
        if !options.is_empty() {
            all.retain(|option| option != "ro" && option != "rw");
            all.extend(options.iter().filter(|option| *option != "z").cloned());
        }
        all
    };
    for mount in &other.config.mounts {
        let (destination, source) = (mount.destination.clone(), mount.source.clone());
        if taken(spec, &destination) {
            continue;
        }
        match mount.kind {
            MountKind::Tmpfs | MountKind::Ramfs => {}
            MountKind::Overlay => {
                let options = mount.options.clone();
                spec.overlay_volumes.push(OverlayVolume { destination, source, options });
            }
            MountKind::Image => spec.image_volumes.push(ImageVolume {
                read_write: with_options(&mount.options).iter().any(|option| option == "rw"),
                sub_path: mount.sub_path.clone(),
                source: mount.image.clone(),
                destination,
            }),
            kind => spec.mounts.push(Mount {
                kind: kind.as_str().into(),
                options: {
                    let mut options = with_options(&mount.options);
                    if kind == MountKind::Bind && !mount.sub_path.is_empty() {
                        options.push(format!("{}{}", storage::SUB_PATH, mount.sub_path));
                    }
                    options
                },
                source,
                destination,
            }),
        }
    }
    for volume in &other.config.volumes {
        if !taken(spec, &volume.destination) {
            spec.volumes.push(cove_api::NamedVolume {
                name: volume.name.clone(),
                dest: volume.destination.clone(),
                options: with_options(&volume.options),
                is_anonymous: false,
                sub_path: volume.sub_path.clone(),
            });
        }
    }
}

/// Volumes that do not exist yet are made; anonymous ones get a random name.
fn make_volumes(core: &Core, config: &mut ContainerConfig) -> Result<()> {
    for volume in &mut config.volumes {
        if volume.name.is_empty() {
            volume.name = name::random_id()?;
            volume.anonymous = true;
        }
        crate::volume::ensure(core, &volume.name, volume.anonymous)?;
    }
    Ok(())
}
