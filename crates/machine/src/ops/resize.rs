//! `machine resize`: a larger disk, at once where the machine runs.

use std::time::Duration;

use serde::Serialize;

use super::init::check_resources;
use super::machines::Machines;
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::progress::{ProgressSink, Steps};
use crate::provision::GROW;
use crate::ssh::SshTarget;

/// Time for the guest to grow its file system.
const GROW_TIME: Duration = Duration::from_secs(120);

/// What a change of the size did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resized {
    /// Size before, in GiB.
    pub before: u64,
    /// Size now, in GiB.
    pub after: u64,
    /// Whether the file system inside has it already; else it grows at the next start.
    pub grown: bool,
}

impl Machines {
    /// Raises the size of a machine's disk. In a running one the file system grows, too; else at its next start.
    ///
    /// # Errors
    /// It does not exist, the size is smaller than before or impossible, or the disk cannot be changed.
    pub async fn resize(&self, name: &MachineName, disk_gib: u64, sink: ProgressSink<'_>) -> Result<Resized> {
        let mut steps = Steps::new(sink);
        steps.begin("check");
        let (_, paths) = self.find(name)?;
        let _lock = self.lock(name, &paths).await?;
        let (mut record, paths) = self.load(name)?;
        let provider = self.provider(record.provider);
        let running = provider.is_alive(&paths);
        if !running {
            self.finish_restore(&mut record, &paths, provider.as_ref()).await?;
        }
        let before = record.disk_gib;
        if disk_gib < before {
            let reason =
                format!("{disk_gib} GiB are less than the {before} GiB it has: a disk can only grow");
            return Err(Error::BadOption { option: "--disk-size", reason });
        }
        check_resources(record.cpus, record.memory_mib, disk_gib, before)?;
        record.disk_gib = disk_gib;
        if disk_gib > before {
            steps.begin("disk");
            // The disk first: one that is larger than recorded does no harm.
            provider.resize(&record, &paths).await?;
            self.save(&record, &paths)?;
        }
        let mut grown = false;
        if running {
            steps.begin("file system");
            let target = SshTarget::new(&record, &paths, provider.address(&record, &paths))?;
            let work = async {
                let session = target.connect().await?;
                let answer = session.run(&format!("/usr/sbin/cove-init {GROW}")).await;
                session.close().await;
                answer
            };
            match tokio::time::timeout(GROW_TIME, work).await {
                Ok(Ok((0, _))) => grown = true,
                Ok(Ok((code, output))) => steps.note(format!(
                    "the file system does not grow now (exit code {code}: {})",
                    crate::boot_log::tail(&output, 1)
                )),
                Ok(Err(error)) => steps.note(format!("the file system does not grow now: {error}")),
                Err(_) => steps.note("the guest is still growing its file system"),
            }
        }
        steps.finish();
        Ok(Resized { before, after: disk_gib, grown })
    }
}
