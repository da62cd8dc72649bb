//! `machine snapshot`: the state of a machine that is off, to be returned to.
//!
//! The disk's part is a snapshot in the disk itself; beside it, in `snapshots/NAME/`, stand the definition and the files
//! the guest boots with. A folder appears when the disk's part is there and vanishes before that goes, so a snapshot in
//! the disk without a folder is what a killed command left, and is removed by the next one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cove_sys::{atomic, fs};
use serde::{Deserialize, Serialize};

use super::machines::Machines;
use super::stopped::Stopped;
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::paths::{MachinePaths, private_folder};
use crate::provider::VmProvider;
use crate::qcow2::{self, SnapshotStep};
use crate::record::{MachineRecord, parse_record};

/// What is in a snapshot's folder besides the boot files.
const RECORD: &str = "machine.json";
/// In the machine's `snapshots` folder: names the snapshot that is being returned to.
const RESTORING: &str = ".restoring";
/// Beginning of the names of folders that are being made.
const NEW: &str = ".new-";
/// Beginning of the names of folders that are being removed.
const GONE: &str = ".gone-";
/// Beginning of the names in the disk, where a name of digits could be taken for a number.
const TAG: &str = "cove-";
/// Most snapshots of a machine.
const LIMIT: usize = 256;
/// Largest accepted definition, in bytes.
const RECORD_LIMIT: u64 = 1 << 20;

/// The name of a snapshot: as that of a machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotName(MachineName);

impl FromStr for SnapshotName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        name.parse().map(Self).map_err(|error| match error {
            Error::BadName { name, reason } => {
                Error::BadOption { option: "snapshot", reason: format!("the name {name:?}: {reason}") }
            }
            other => other,
        })
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl SnapshotName {
    fn tag(&self) -> String {
        format!("{TAG}{self}")
    }
}

/// A snapshot in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SnapshotSummary {
    /// Its name.
    pub name: String,
    /// When it was made (RFC 3339).
    pub created: String,
    /// Processors the machine had.
    #[serde(rename = "CPUs")]
    pub cpus: u32,
    /// Memory it had, in MiB.
    pub memory: u64,
    /// Disk it had, in GiB.
    pub disk_size: u64,
    /// Version of the engine in it at its making.
    pub cove_version: String,
}

/// The definition as it was.
#[derive(Serialize, Deserialize)]
struct Kept {
    created: String,
    machine: serde_json::Value,
}

impl MachinePaths {
    fn snapshots(&self) -> PathBuf {
        self.folder.join("snapshots")
    }

    /// Whether a return to a snapshot was cut off.
    pub(super) fn interrupted_restore(&self) -> bool {
        self.snapshots().join(RESTORING).exists()
    }

    fn snapshot(&self, name: &SnapshotName) -> PathBuf {
        self.snapshots().join(name.to_string())
    }
}

impl Machines {
    /// Keeps the state of a machine that is off.
    ///
    /// # Errors
    /// It does not exist or runs, the name is taken, or there are too many.
    pub async fn create_snapshot(&self, name: &MachineName, snapshot: &SnapshotName) -> Result<()> {
        let machine = self.stopped(name, "its snapshots").await?;
        let folder = machine.paths.snapshot(snapshot);
        if folder.exists() {
            return Err(Error::SnapshotExists { name: name.to_string(), snapshot: snapshot.to_string() });
        }
        let known = names(&machine.paths)?;
        if known.len() >= LIMIT {
            let reason = format!("machine {name:?} has {LIMIT} already: remove some");
            return Err(Error::BadOption { option: "snapshot", reason });
        }
        remove_leftovers(&machine, &known).await?;
        let staging = machine.paths.snapshots().join(format!("{NEW}{snapshot}"));
        let made = async {
            private_folder(&staging)?;
            for file in machine.provider.files().boot {
                // They are never written to, only replaced.
                fs::hard_link(machine.paths.folder.join(file), staging.join(file))?;
            }
            let machine_json = serde_json::to_value(&machine.record).map_err(std::io::Error::other)?;
            let kept = Kept { created: jiff::Timestamp::now().to_string(), machine: machine_json };
            let json = serde_json::to_vec_pretty(&kept).map_err(std::io::Error::other)?;
            atomic::write(&staging.join(RECORD), &json, 0o600)?;
            qcow2::snapshot(&machine.disk(), SnapshotStep::Create, &snapshot.tag()).await?;
            Ok(fs::rename(&staging, &folder)?)
        };
        let result = made.await;
        if result.is_err() {
            let _ = fs::remove_dir_all(&staging);
        }
        result
    }

    /// The snapshots of a machine, the oldest first; also while it runs.
    ///
    /// # Errors
    /// It does not exist, or a definition cannot be read.
    pub fn snapshots(&self, name: &MachineName) -> Result<Vec<SnapshotSummary>> {
        let (_, paths) = self.find(name)?;
        let mut found = names(&paths)?
            .iter()
            .map(|snapshot| {
                let (created, record) = load(name, &paths, snapshot)?;
                Ok(SnapshotSummary {
                    name: snapshot.to_string(),
                    created,
                    cpus: record.cpus,
                    memory: record.memory_mib,
                    disk_size: record.disk_gib,
                    cove_version: record.image.cove_version,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        found.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.name.cmp(&b.name)));
        Ok(found)
    }

    /// Returns a machine that is off to a snapshot: its disk, its sizes and what it boots with. Keys and ports stay.
    ///
    /// # Errors
    /// It does not exist or runs, there is no such snapshot, or the snapshot is damaged.
    pub async fn restore_snapshot(&self, name: &MachineName, snapshot: &SnapshotName) -> Result<()> {
        let mut machine = self.stopped(name, "its disk").await?;
        load(name, &machine.paths, snapshot)?;
        let folder = machine.paths.snapshot(snapshot);
        let missing = machine.provider.files().boot.iter().find(|file| !folder.join(file).is_file());
        let info = qcow2::info(&machine.disk()).await?;
        if let Some(file) = missing {
            return Err(damaged(name, &folder.join(file), "the file is missing"));
        }
        if !info.snapshots().any(|tag| tag == snapshot.tag()) {
            return Err(damaged(name, &folder, "the disk has no such snapshot"));
        }
        let mark = machine.paths.snapshots().join(RESTORING);
        atomic::write(&mark, snapshot.to_string().as_bytes(), 0o600)?;
        self.finish_restore(&mut machine.record, &machine.paths, machine.provider.as_ref()).await
    }

    /// Removes a snapshot of a machine that is off.
    ///
    /// # Errors
    /// It does not exist or runs, or there is no such snapshot.
    pub async fn remove_snapshot(&self, name: &MachineName, snapshot: &SnapshotName) -> Result<()> {
        let machine = self.stopped(name, "its snapshots").await?;
        let folder = machine.paths.snapshot(snapshot);
        if !folder.is_dir() {
            return Err(not_found(name, snapshot));
        }
        let gone = machine.paths.snapshots().join(format!("{GONE}{snapshot}"));
        remove_if_there(&gone)?;
        fs::rename(&folder, &gone)?;
        remove_leftovers(&machine, &names(&machine.paths)?).await
    }

    /// Does what a return to a snapshot consists of, from its beginning, where a killed command left that undone.
    /// The machine is off and its lock is held.
    pub(super) async fn finish_restore(
        &self,
        record: &mut MachineRecord,
        paths: &MachinePaths,
        provider: &dyn VmProvider,
    ) -> Result<()> {
        let mark = paths.snapshots().join(RESTORING);
        let text = match fs::read_to_string(&mark) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let snapshot: SnapshotName = text.parse()?;
        let (_, former) = load(&record.name, paths, &snapshot)?;
        let folder = paths.snapshot(&snapshot);
        for file in provider.files().boot {
            let link = paths.folder.join(format!("{}{file}", super::stopped::SCRATCH));
            remove_if_there(&link)?;
            fs::hard_link(folder.join(file), &link)?;
            fs::rename(&link, paths.folder.join(file))?;
            // Two names of one file are not renamed by rename(2), which then does nothing.
            remove_if_there(&link)?;
        }
        qcow2::snapshot(&paths.folder.join(provider.files().disk), SnapshotStep::Apply, &snapshot.tag())
            .await?;
        *record = restored(record, former);
        self.save(record, paths)?;
        Ok(fs::remove_file(&mark)?)
    }
}

/// The definition after a return to `former`: what belongs to this host and time stays as it is.
fn restored(now: &MachineRecord, former: MachineRecord) -> MachineRecord {
    MachineRecord {
        version: now.version,
        name: now.name.clone(),
        provider: now.provider,
        created: now.created.clone(),
        last_up: now.last_up.clone(),
        ssh_port: now.ssh_port,
        host_key: now.host_key.clone(),
        ..former
    }
}

fn names(paths: &MachinePaths) -> Result<Vec<SnapshotName>> {
    let entries = match fs::read_dir(paths.snapshots()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    // What is being made or removed begins with a dot, which no name does.
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

fn load(
    name: &MachineName,
    paths: &MachinePaths,
    snapshot: &SnapshotName,
) -> Result<(String, MachineRecord)> {
    let path = paths.snapshot(snapshot).join(RECORD);
    let bad = |reason: &str| damaged(name, &path, reason);
    let size = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_found(name, snapshot)),
        Err(error) => return Err(error.into()),
    };
    if size > RECORD_LIMIT {
        return Err(bad(&format!("it has {size} bytes")));
    }
    let kept: Kept = serde_json::from_slice(&fs::read(&path)?).map_err(|error| bad(&error.to_string()))?;
    let record = parse_record(&kept.machine.to_string(), name).map_err(|reason| bad(&reason))?;
    Ok((kept.created, record))
}

/// Removes snapshots in the disk that have no folder, and folders that are neither.
async fn remove_leftovers(machine: &Stopped, known: &[SnapshotName]) -> Result<()> {
    let disk = machine.disk();
    let tags: Vec<String> = known.iter().map(SnapshotName::tag).collect();
    for tag in qcow2::info(&disk).await?.snapshots() {
        if tag.starts_with(TAG) && !tags.iter().any(|known| known == tag) {
            qcow2::snapshot(&disk, SnapshotStep::Delete, tag).await?;
        }
    }
    let Ok(entries) = fs::read_dir(machine.paths.snapshots()) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(NEW) || name.starts_with(GONE) {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn not_found(name: &MachineName, snapshot: &SnapshotName) -> Error {
    Error::NoSuchSnapshot { name: name.to_string(), snapshot: snapshot.to_string() }
}

fn damaged(name: &MachineName, path: &Path, reason: &str) -> Error {
    Error::BadSnapshot { name: name.to_string(), path: path.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    #[test]
    fn a_name_is_never_a_number_in_the_disk() {
        let name: SnapshotName = "1".parse().unwrap();
        assert_eq!(name.tag(), "cove-1");
        for bad in ["", "../x", ".new-a", "a b", "-x"] {
            assert!(bad.parse::<SnapshotName>().unwrap_err().to_string().starts_with("snapshot: "), "{bad}");
        }
    }

    #[test]
    fn what_belongs_to_this_host_is_not_restored() {
        let now = MachineRecord { ssh_port: 7, host_key: "new".into(), cpus: 9, ..sample() };
        let former = MachineRecord { disk_gib: 33, last_up: Some("then".into()), ..sample() };
        let record = restored(&now, former);
        assert_eq!((record.ssh_port, record.host_key.as_str(), record.last_up), (7, "new", None));
        assert_eq!((record.cpus, record.disk_gib), (2, 33));
    }
}
