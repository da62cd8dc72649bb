//! `machine export`: a machine that is off, in one file.

use std::collections::BTreeMap;
use std::path::Path;

use cove_sys::fs;
use cove_sys::output::{Existing, OutputFile};

use super::machines::Machines;
use super::stopped::SCRATCH;
use crate::bundle::{self, Manifest};
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::progress::{ProgressSink, Steps};
use crate::{qcow2, space};

impl Machines {
    /// Writes a machine that is off to `file`: its disk (compressed, without snapshots), what it boots with and its sizes,
    /// but no keys. A file that is there is replaced when the new one is complete.
    ///
    /// # Errors
    /// It does not exist or runs, there is no room, or a file operation fails.
    pub async fn export(&self, name: &MachineName, file: &Path, sink: ProgressSink<'_>) -> Result<()> {
        let mut steps = Steps::new(sink);
        steps.begin("check");
        let machine = self.stopped(name, "its disk").await?;
        let out = OutputFile::create(file, Existing::Replace)?;
        let disk = machine.disk();
        if qcow2::info(&disk).await?.snapshots().next().is_some() {
            steps.note("its snapshots are not exported, only its present state");
        }
        let needed = space::taken(&disk)?;
        if let Some(free) = space::free(&machine.paths.folder)
            && free < needed
        {
            return Err(Error::CannotNow {
                name: name.to_string(),
                reason: format!(
                    "the copy of its disk may take {}, and only {} are free",
                    space::shown(needed),
                    space::shown(free)
                ),
            });
        }
        steps.begin("compress");
        let copy = Scratch(machine.paths.folder.join(format!("{SCRATCH}export")));
        qcow2::copy(&disk, &copy.0, true).await?;
        steps.begin("write");
        let (record, files) = (machine.record.clone(), machine.provider.files());
        let folder = machine.paths.folder.clone();
        let write = move || -> Result<()> {
            let place = |name: &str| if name == files.disk { copy.0.clone() } else { folder.join(name) };
            let facts = files
                .all()
                .map(|name| Ok((name.to_owned(), bundle::measure(&place(name))?)))
                .collect::<std::io::Result<BTreeMap<_, _>>>()?;
            let manifest = Manifest::new(&record, facts);
            Ok(bundle::write(out, &manifest, |name| fs::File::open(place(name)))?.finish()?)
        };
        let written = tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other)?;
        steps.finish();
        written
    }
}

/// A file that goes with this value.
struct Scratch(std::path::PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
