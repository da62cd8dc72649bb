//! Volumes, and what is mounted of the host.

use cove_api::{ContainerInspect, InspectMount};

use super::facts::GenerateFacts;
use crate::error::{Result, bail};
use crate::objects::{
    ClaimSpec, ClaimVolume, EmptyDir, HostPath, Metadata, PersistentVolumeClaim, PodSpec, Resources, Volume,
    VolumeMount,
};

/// What a container has mounted.
#[derive(Default)]
pub(super) struct Mounted {
    pub(super) mounts: Vec<VolumeMount>,
    pub(super) volumes: Vec<Volume>,
    pub(super) labels: Vec<(String, String)>,
}

/// A name of a volume or path as Kubernetes takes it.
fn fixed(text: &str) -> String {
    text.trim_matches('/').replace(['/', '.', '_'], "-").to_lowercase()
}

pub(super) fn of_container(inspect: &ContainerInspect, facts: &GenerateFacts<'_>) -> Result<Mounted> {
    let mut mounted = Mounted::default();
    for mount in inspect.mounts.iter().filter(|mount| mount.kind == "bind") {
        mounted.add_bind(mount, facts)?;
    }
    for destination in inspect.host_config.tmpfs.keys() {
        let name = format!("tmp-{}", mounted.mounts.len());
        let mount =
            VolumeMount { name: name.clone(), mount_path: destination.clone(), ..VolumeMount::default() };
        let volume =
            Volume { name, empty_dir: Some(EmptyDir { medium: "Memory".into() }), ..Volume::default() };
        mounted.mounts.push(mount);
        mounted.volumes.push(volume);
    }
    for mount in inspect.mounts.iter().filter(|mount| mount.kind == "volume") {
        let claim_name = fixed(&mount.name);
        let name = format!("{claim_name}-pvc");
        let claim = ClaimVolume { claim_name, read_only: !mount.rw };
        mounted.mounts.push(VolumeMount {
            name: name.clone(),
            mount_path: mount.destination.clone(),
            read_only: !mount.rw,
            sub_path: mount.sub_path.clone(),
            ..VolumeMount::default()
        });
        mounted.volumes.push(Volume { name, persistent_volume_claim: Some(claim), ..Volume::default() });
    }
    Ok(mounted)
}

impl Mounted {
    fn add_bind(&mut self, mount: &InspectMount, facts: &GenerateFacts<'_>) -> Result<()> {
        if mount.source.is_empty() {
            bail!("hostSourcePath must be specified to generate volume name");
        }
        if matches!(mount.mode.as_str(), "z" | "Z") {
            self.labels.push((mount.source.clone(), mount.mode.clone()));
        }
        let base = if mount.source == "/" { "root".to_owned() } else { fixed(&mount.source) };
        let name = format!("{base}-host-{}", self.mounts.len());
        let kind = match (facts.is_folder)(&mount.source) {
            None => "DirectoryOrCreate",
            Some(true) => "Directory",
            Some(false) => "File",
        };
        self.mounts.push(VolumeMount {
            name: name.clone(),
            mount_path: mount.destination.clone(),
            read_only: !mount.rw,
            sub_path: mount.sub_path.clone(),
            ..VolumeMount::default()
        });
        let host_path = Some(HostPath { path: mount.source.clone(), kind: kind.into() });
        self.volumes.push(Volume { name, host_path, ..Volume::default() });
        Ok(())
    }
}

/// Takes the claims out of a pod whose every copy is to have volumes of its own.
pub(super) fn templates(pod: &mut PodSpec, facts: &GenerateFacts<'_>) -> Vec<PersistentVolumeClaim> {
    let claimed = pod.volumes.extract_if(.., |volume| volume.persistent_volume_claim.is_some());
    claimed
        .map(|volume| PersistentVolumeClaim {
            metadata: Metadata {
                name: volume.name,
                creation_timestamp: Some(facts.now.clone()),
                ..Metadata::default()
            },
            spec: claim_spec(),
            ..PersistentVolumeClaim::default()
        })
        .collect()
}

/// What nobody here asks for, and a cluster needs.
fn claim_spec() -> ClaimSpec {
    ClaimSpec {
        access_modes: vec!["ReadWriteOnce".into()],
        resources: Resources {
            requests: [("storage".to_owned(), "1Gi".to_owned())].into(),
            ..Resources::default()
        },
        storage_class_name: None,
    }
}

/// A volume as a claim.
pub(super) fn claim(volume: &cove_api::Volume, facts: &GenerateFacts<'_>) -> PersistentVolumeClaim {
    let mut annotations: cove_api::StringMap =
        [("volume.podman.io/driver".to_owned(), volume.driver.clone())].into();
    for (option, value) in &volume.options {
        let name = match option.as_str() {
            "o" => "mount-options",
            "device" => "device",
            "type" => "type",
            "UID" => "uid",
            "GID" => "gid",
            "image" => "image",
            _ => continue,
        };
        annotations.insert(format!("volume.podman.io/{name}"), value.clone());
    }
    PersistentVolumeClaim {
        api_version: "v1".into(),
        kind: "PersistentVolumeClaim".into(),
        metadata: Metadata {
            name: fixed(&volume.name),
            labels: volume.labels.clone(),
            annotations,
            creation_timestamp: Some(facts.now.clone()),
        },
        spec: claim_spec(),
        ..PersistentVolumeClaim::default()
    }
}
