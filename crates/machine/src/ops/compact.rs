//! `machine compact`: room that the guest no longer uses goes back to the host.

use std::time::Duration;

use cove_sys::fs;
use serde::Serialize;

use super::machines::Machines;
use super::stopped::SCRATCH;
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::progress::{ProgressSink, Steps};
use crate::ssh::SshTarget;
use crate::{qcow2, space};

/// Time for the guest to go through its free blocks; an emulated one is slow.
const TRIM_TIME: Duration = Duration::from_secs(15 * 60);
/// What the guest runs: files whose blocks are not written yet would come back.
const TRIM: &str = "sync; fstrim / || busybox fstrim /";

/// What a compaction did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// Bytes the disk took on the host.
    pub before: u64,
    /// Bytes it takes now.
    pub after: u64,
    /// Whether the guest was asked what it no longer uses, which only a running one can be.
    pub trimmed: bool,
}

impl Machines {
    /// Gives room back to the host. A running machine discards what its file system does not use; the disk of one that
    /// is off is copied without what is zero, and the copy takes its place when it is complete.
    ///
    /// # Errors
    /// It does not exist, the guest cannot do it, the machine is off and has snapshots (which a copy would lose), or
    /// there is no room for the copy.
    pub async fn compact(&self, name: &MachineName, sink: ProgressSink<'_>) -> Result<Compacted> {
        let (record, paths) = self.load(name)?;
        if self.provider(record.provider).is_alive(&paths) {
            self.trim(name, sink).await
        } else {
            self.rewrite(name, sink).await
        }
    }

    async fn trim(&self, name: &MachineName, sink: ProgressSink<'_>) -> Result<Compacted> {
        let mut steps = Steps::new(sink);
        steps.begin("discard");
        let (_, paths) = self.find(name)?;
        let _lock = self.lock(name, &paths).await?;
        let (record, paths) = self.load(name)?;
        let provider = self.provider(record.provider);
        let disk = paths.folder.join(provider.files().disk);
        let before = space::taken(&disk)?;
        let target = SshTarget::new(&record, &paths, provider.address(&record, &paths))?;
        let work = async {
            let session = target.connect().await?;
            let answer = session.run(TRIM).await;
            session.close().await;
            answer
        };
        let failed =
            |reason: String| Error::Ssh { name: name.to_string(), reason: format!("fstrim: {reason}") };
        match tokio::time::timeout(TRIM_TIME, work).await {
            Ok(answer) => match answer? {
                (0, _) => {}
                (code, output) => {
                    return Err(failed(format!("exit code {code} ({})", crate::boot_log::tail(&output, 1))));
                }
            },
            Err(_) => return Err(failed(format!("not done in {} minutes", TRIM_TIME.as_secs() / 60))),
        }
        steps.finish();
        Ok(Compacted { before, after: space::taken(&disk)?, trimmed: true })
    }

    async fn rewrite(&self, name: &MachineName, sink: ProgressSink<'_>) -> Result<Compacted> {
        let mut steps = Steps::new(sink);
        steps.begin("check");
        let machine = self.stopped(name, "its disk").await?;
        let disk = machine.disk();
        if qcow2::info(&disk).await?.snapshots().next().is_some() {
            return Err(Error::CannotNow {
                name: name.to_string(),
                reason: format!(
                    "a copy of its disk would lose its snapshots: compact it while it runs, or remove them \
                     (`cove machine snapshot ls {name}`)"
                ),
            });
        }
        let before = space::taken(&disk)?;
        if let Some(free) = space::free(&machine.paths.folder)
            && free < before
        {
            return Err(Error::CannotNow {
                name: name.to_string(),
                reason: format!(
                    "the copy of its disk may take {}, and only {} are free: compact it while it runs",
                    space::shown(before),
                    space::shown(free)
                ),
            });
        }
        steps.begin("copy");
        let copy = machine.paths.folder.join(format!("{SCRATCH}disk"));
        qcow2::copy(&disk, &copy, false).await?;
        let after = space::taken(&copy)?;
        if after < before {
            fs::set_permissions(&copy, fs::metadata(&disk)?.permissions())?;
            fs::rename(&copy, &disk)?;
        } else {
            // It was compact; a copy may even be larger, as of a compressed disk.
            fs::remove_file(&copy)?;
        }
        steps.finish();
        Ok(Compacted { before, after: after.min(before), trimmed: false })
    }
}
