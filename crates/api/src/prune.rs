//! Removing what nothing uses: a list and a removal for each row, the same for every engine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{NotDone, query};
use crate::{
    Containers, Engine, Error, ErrorKind, Filters, ImageListOptions, ImageRemoveOptions, Images, ListOptions,
    NetworkListOptions, Networks, PodPruneReport, RemoveOptions, Result, Volume, VolumeListOptions,
    VolumePruneOptions, VolumeRemoveOptions, Volumes, filter,
};

/// Options of pruning containers and networks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PruneOptions {
    /// Those of the list.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// Options of pruning images.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ImagePruneOptions {
    /// Every image without a container, not only those without a name.
    pub all: bool,
    /// Also what belongs to containers of other tools.
    pub external: NotDone<bool>,
    /// Also what builds have kept for the commands of later ones.
    #[serde(rename = "buildcache")]
    pub build_cache: bool,
    /// Those of the list.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// What became of one container, image or volume. JSON: libpod's `PruneReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct PruneReport {
    /// Its id, of a volume the name.
    pub id: String,
    /// Why it is still there.
    #[serde(rename = "Err", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Bytes that are free now, or would be.
    pub size: u64,
}

/// What became of one network. JSON: libpod's `NetworkPruneReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkPruneReport {
    /// Its name.
    pub name: String,
    /// Why it is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Options of pruning everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SystemPruneOptions {
    /// Every image without a container, not only those without a name.
    pub all: bool,
    /// Also the volumes without a container.
    pub volumes: bool,
    /// What interrupted commands left in the store, and nothing else.
    pub external: bool,
    /// Also the containers that builds have left.
    pub build: bool,
    /// `label`, `label!` and `until`.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
}

/// What became of everything. JSON: libpod's `SystemPruneReport`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct SystemPruneReport {
    /// Pods.
    #[serde(rename = "PodPruneReport")]
    pub pod_prune_reports: Vec<PodPruneReport>,
    /// Containers.
    pub container_prune_reports: Vec<PruneReport>,
    /// Images.
    pub image_prune_reports: Vec<PruneReport>,
    /// Networks.
    pub network_prune_reports: Vec<NetworkPruneReport>,
    /// Volumes.
    pub volume_prune_reports: Vec<PruneReport>,
    /// Bytes that are free now.
    pub reclaimed_space: u64,
}

impl SystemPruneReport {
    /// Whether something went.
    fn removed_any(&self) -> bool {
        let gone = |reports: &[PruneReport]| reports.iter().any(|report| report.error.is_none());
        gone(&self.container_prune_reports)
            || gone(&self.image_prune_reports)
            || gone(&self.volume_prune_reports)
            || self.network_prune_reports.iter().any(|report| report.error.is_none())
            || self.pod_prune_reports.iter().any(|report| report.err.is_none())
    }

    /// Takes in what a further round came to. Of failures only those of the last round stay.
    fn extend(&mut self, round: Self) {
        let add = |all: &mut Vec<PruneReport>, new: Vec<PruneReport>| {
            all.retain(|report| report.error.is_none());
            all.extend(new);
        };
        add(&mut self.container_prune_reports, round.container_prune_reports);
        add(&mut self.image_prune_reports, round.image_prune_reports);
        add(&mut self.volume_prune_reports, round.volume_prune_reports);
        self.network_prune_reports.retain(|report| report.error.is_none());
        self.network_prune_reports.extend(round.network_prune_reports);
        self.pod_prune_reports.retain(|report| report.err.is_none());
        self.pod_prune_reports.extend(round.pod_prune_reports);
    }

    /// Bytes of all that went.
    fn total(&self) -> u64 {
        [&self.container_prune_reports, &self.image_prune_reports, &self.volume_prune_reports]
            .into_iter()
            .flatten()
            .map(|report| report.size)
            .fold(0, u64::saturating_add)
    }
}

/// What a removal came to: nothing is said of what was used or removed since the list.
fn outcome<T>(removed: Result<T>) -> Option<Option<String>> {
    match removed {
        Ok(_) => Some(None),
        Err(error)
            if matches!(error.kind, ErrorKind::NotFound | ErrorKind::InUse | ErrorKind::WrongState) =>
        {
            None
        }
        Err(error) => Some(Some(error.message)),
    }
}

/// Takes a filter that is a truth value out.
fn take_truth(filters: &mut Filters, key: &str) -> Result<Option<bool>> {
    filters.remove(key).map(|values| filter::truth(key, &values)).transpose()
}

/// Adds `key=true`, which goes without saying: the opposite is refused, because that is never removed.
fn require(filters: &mut Filters, key: &str) -> Result<()> {
    if take_truth(filters, key)? == Some(false) {
        return Err(Error::invalid(format!("filter {key}=false: prune removes none of these")));
    }
    filters.insert(key.to_owned(), vec!["true".to_owned()]);
    Ok(())
}

/// Removes the containers that do not run, with their anonymous volumes.
pub(crate) async fn containers<E: Containers + ?Sized>(
    engine: &E,
    options: PruneOptions,
) -> Result<Vec<PruneReport>> {
    let list = ListOptions { all: true, size: true, filters: options.filters, ..ListOptions::default() };
    let mut reports = Vec::new();
    for row in engine.list(list).await? {
        // What is in a pod goes with the pod.
        let idle = row.state.has_ended() || row.state == crate::ContainerState::Created;
        if !idle || !row.pod.is_empty() {
            continue;
        }
        let removed = engine.remove(&row.id, RemoveOptions { volumes: true, ..RemoveOptions::default() });
        if let Some(error) = outcome(removed.await) {
            let size = row.size.map_or(0, |size| u64::try_from(size.rw).unwrap_or(0));
            let size = if error.is_none() { size } else { 0 };
            reports.push(PruneReport { id: row.id, error, size });
        }
    }
    Ok(reports)
}

/// Removes the images without a container: those without a name, or `all`.
pub(crate) async fn images<E: Images + ?Sized>(
    engine: &E,
    mut options: ImagePruneOptions,
) -> Result<Vec<PruneReport>> {
    // Docker's clients write `all` as a filter, in either of two ways.
    let all = options.all
        | take_truth(&mut options.filters, "all")?.unwrap_or_default()
        | (take_truth(&mut options.filters, "dangling")? == Some(false));
    if !all {
        require(&mut options.filters, "dangling")?;
    }
    let mut reports = Vec::new();
    for row in engine.list(ImageListOptions { all: false, filters: options.filters }).await? {
        if row.containers > 0 {
            continue;
        }
        // By its names and without force, so that a container made this moment keeps its image.
        let names = if row.repo_tags.is_empty() { vec![row.id.clone()] } else { row.repo_tags };
        let report = engine.remove(names, ImageRemoveOptions::default()).await?;
        let removed = report.failure().map_or(Ok(()), Err);
        if let Some(error) = outcome(removed) {
            let size = if error.is_none() { u64::try_from(row.size).unwrap_or(0) } else { 0 };
            reports.push(PruneReport { id: row.id, error, size });
        }
    }
    if options.build_cache {
        reports.extend(engine.prune_caches().await?);
    }
    Ok(reports)
}

/// Removes the volumes without a container: those that nobody named, or all. `measure` answers how many bytes go with
/// one.
///
/// # Errors
/// They cannot be listed, or a filter is wrong.
pub async fn volumes<E: Volumes + ?Sized, M: Future<Output = u64> + Send>(
    engine: &E,
    mut options: VolumePruneOptions,
    measure: impl Fn(Volume) -> M + Send + Sync,
) -> Result<Vec<PruneReport>> {
    let all = take_truth(&mut options.filters, "all")?.unwrap_or_default();
    require(&mut options.filters, "dangling")?;
    if !all {
        require(&mut options.filters, "anonymous")?;
    }
    let mut reports = Vec::new();
    for volume in engine.list(VolumeListOptions { filters: options.filters }).await? {
        let id = volume.name.clone();
        let size = measure(volume).await;
        if options.dry_run {
            reports.push(PruneReport { id, error: None, size });
            continue;
        }
        let removed = engine.remove(&id, VolumeRemoveOptions::default()).await;
        if let Some(error) = outcome(removed) {
            let size = if error.is_none() { size } else { 0 };
            reports.push(PruneReport { id, error, size });
        }
    }
    Ok(reports)
}

/// Removes the networks without a container; the default network stays.
pub(crate) async fn networks<E: Networks + ?Sized>(
    engine: &E,
    mut options: PruneOptions,
) -> Result<Vec<NetworkPruneReport>> {
    require(&mut options.filters, "dangling")?;
    let mut reports = Vec::new();
    for network in engine.list(NetworkListOptions { filters: options.filters }).await? {
        let removed = engine.remove(&network.name, false).await;
        if let Some(error) = outcome(removed) {
            reports.push(NetworkPruneReport { name: network.name, error });
        }
    }
    Ok(reports)
}

/// Removes everything that nothing uses, again and again until nothing more goes: what a removed thing used is free
/// only then. Builds' containers and what is left in the store are the engine's business.
///
/// # Errors
/// A filter is wrong, or a list fails.
pub async fn prune_system(engine: &dyn Engine, options: &SystemPruneOptions) -> Result<SystemPruneReport> {
    if let Some(key) =
        options.filters.keys().find(|key| !matches!(key.as_str(), "label" | "label!" | "until"))
    {
        return Err(Error::invalid(format!(
            "filter {key:?}: pruning everything knows label, label! and until"
        )));
    }
    let mut report = SystemPruneReport::default();
    loop {
        let round = round(engine, options).await?;
        let go_on = round.removed_any();
        report.extend(round);
        if !go_on {
            report.reclaimed_space = report.total();
            return Ok(report);
        }
    }
}

/// One go through all kinds of objects.
async fn round(engine: &dyn Engine, options: &SystemPruneOptions) -> Result<SystemPruneReport> {
    let filters = || PruneOptions { filters: options.filters.clone() };
    // Pods know none of the filters.
    let pods = if options.filters.is_empty() { engine.pods().prune().await? } else { Vec::new() };
    let mut report = SystemPruneReport {
        pod_prune_reports: pods,
        container_prune_reports: engine.containers().prune(filters()).await?,
        ..SystemPruneReport::default()
    };
    let images =
        ImagePruneOptions { all: options.all, filters: options.filters.clone(), ..Default::default() };
    report.image_prune_reports = engine.images().prune(images).await?;
    report.network_prune_reports = engine.networks().prune(filters()).await?;
    if options.volumes {
        let mut volumes =
            VolumePruneOptions { filters: options.filters.clone(), ..VolumePruneOptions::default() };
        volumes.filters.insert("all".to_owned(), vec!["true".to_owned()]);
        report.volume_prune_reports = engine.volumes().prune(volumes).await?;
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_add_up() {
        let went = |id: &str, size| PruneReport { id: id.into(), size, error: None };
        let stays = |id: &str| PruneReport { id: id.into(), size: 0, error: Some("busy".into()) };
        let mut all = SystemPruneReport {
            image_prune_reports: vec![went("a", 3), stays("b")],
            ..SystemPruneReport::default()
        };
        assert!(all.removed_any());
        let last = SystemPruneReport { image_prune_reports: vec![stays("b")], ..Default::default() };
        assert!(!last.removed_any());
        all.extend(last);
        let ids: Vec<&str> = all.image_prune_reports.iter().map(|report| report.id.as_str()).collect();
        assert_eq!((ids, all.total()), (vec!["a", "b"], 3));
    }

    #[test]
    fn what_is_used_again_is_no_failure() {
        let failed = |kind| outcome::<()>(Err(crate::Error::new(kind, "x")));
        assert_eq!(outcome(Ok(())), Some(None));
        assert_eq!(failed(ErrorKind::InUse), None);
        assert_eq!(failed(ErrorKind::NotFound), None);
        assert_eq!(failed(ErrorKind::Internal), Some(Some("x".to_owned())));
    }

    #[test]
    fn truths_are_taken_out() {
        let mut filters =
            Filters::from([("all".into(), vec!["1".into()]), ("label".into(), vec!["a".into()])]);
        assert_eq!(take_truth(&mut filters, "all"), Ok(Some(true)));
        assert_eq!(take_truth(&mut filters, "all"), Ok(None));
        assert_eq!(filters.len(), 1);
    }
}
