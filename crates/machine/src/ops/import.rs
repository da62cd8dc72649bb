//! `machine import`: a machine out of a file of `machine export`.

use std::path::{Path, PathBuf};

use cove_sys::fs;

use super::init::{Staging, check_resources, make_keys};
use super::machines::Machines;
use super::options::LOCAL_ZONE;
use crate::bundle::Bundle;
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::paths::{MachinePaths, private_folder};
use crate::progress::{ProgressSink, Steps};
use crate::provider::{ProviderKind, VmProvider};
use crate::record::{MachineRecord, RECORD_VERSION};
use crate::{bundle, qcow2, space};

/// What a machine is made from.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The file.
    pub file: PathBuf,
    /// Its name; `None` for the one in the file.
    pub name: Option<MachineName>,
    /// What runs it.
    pub provider: ProviderKind,
}

impl Machines {
    /// Makes a machine of an exported one, with keys and a port of its own; answers its name. It appears only when it is
    /// complete.
    ///
    /// # Errors
    /// The file is no exported machine, is damaged or leads to other files; the name is taken; there is no room.
    pub async fn import(&self, options: &ImportOptions, sink: ProgressSink<'_>) -> Result<MachineName> {
        let mut steps = Steps::new(sink);
        steps.begin("check");
        let provider = self.provider(options.provider);
        if !provider.capabilities().qcow2 {
            return Err(Error::ProviderUnsupported {
                provider: options.provider.to_string(),
                reason: "its disks are not files that this version works on",
            });
        }
        let bad = |reason: String| Error::BadArchive { path: options.file.clone(), reason };
        let bundle = open(&options.file, provider.as_ref()).await?;
        let manifest = &bundle.manifest;
        check_resources(manifest.cpus, manifest.memory_mib, manifest.disk_gib, 1)?;
        let name = options.name.clone().unwrap_or_else(|| manifest.name.clone());
        let paths = self.folders.machine(options.provider, &name);
        paths.check_sockets()?;
        let _lock = self.lock(&name, &paths).await?;
        self.check_free(&name)?;
        provider.check().await?;
        let parent = self.folders.provider(options.provider);
        private_folder(&parent)?;
        if let Some(free) = space::free(&parent)
            && free < manifest.size()
        {
            return Err(Error::CannotNow {
                name: name.to_string(),
                reason: format!(
                    "it takes {}, and only {} are free",
                    space::shown(manifest.size()),
                    space::shown(free)
                ),
            });
        }
        let staging = Staging::create(&parent, &name, &paths)?;
        steps.begin("unpack");
        let folder = staging.paths().folder.clone();
        let unpack = move || bundle.unpack(&folder);
        let manifest =
            tokio::task::spawn_blocking(unpack).await.map_err(std::io::Error::other)?.map_err(bad)?;
        steps.begin("disk");
        check_disk(&manifest, staging.paths(), provider.as_ref()).await?.map_err(bad)?;
        let mut record = new_record(&name, options.provider, manifest);
        provider.assign(&mut record)?;
        steps.begin("register");
        let record = make_keys(record, staging.paths())?;
        self.save(&record, staging.paths())?;
        staging.complete(&paths)?;
        let first = self.connections.default_connection().is_err();
        self.register(&name, &paths, first)?;
        steps.finish();
        Ok(name)
    }
}

async fn open(file: &Path, provider: &dyn VmProvider) -> Result<Bundle<fs::File>> {
    let (path, files) = (file.to_owned(), provider.files());
    let open = move || -> Result<Bundle<fs::File>> {
        let bad = |reason: String| Error::BadArchive { path: path.clone(), reason };
        // Opening a pipe would wait for its writer.
        if !fs::metadata(&path)?.is_file() {
            return Err(bad("it is no regular file".into()));
        }
        Bundle::open(fs::File::open(&path)?, files).map_err(bad)
    };
    tokio::task::spawn_blocking(open).await.map_err(std::io::Error::other)?
}

/// The inner error is a sentence that says why the disk is refused.
async fn check_disk(
    manifest: &bundle::Manifest,
    paths: &MachinePaths,
    provider: &dyn VmProvider,
) -> Result<std::result::Result<(), String>> {
    Ok(match qcow2::check_foreign(&paths.folder.join(provider.files().disk)).await? {
        Err(reason) => Err(format!("its disk is refused: {reason}")),
        Ok(size) if size != manifest.disk_gib << 30 => {
            Err(format!("its disk has {size} bytes, and not the {} GiB of its manifest", manifest.disk_gib))
        }
        Ok(_) => Ok(()),
    })
}

fn new_record(name: &MachineName, provider: ProviderKind, manifest: bundle::Manifest) -> MachineRecord {
    MachineRecord {
        version: RECORD_VERSION,
        name: name.clone(),
        provider,
        created: jiff::Timestamp::now().to_string(),
        last_up: None,
        cpus: manifest.cpus,
        memory_mib: manifest.memory_mib,
        disk_gib: manifest.disk_gib,
        // What the provider assigns, and the keys that are made.
        ssh_port: 0,
        host_key: String::new(),
        image: manifest.image,
        timezone: Some(LOCAL_ZONE.into()),
        swap_mib: 0,
        shared_folders: Vec::new(),
        username: None,
        import_native_ca: false,
    }
}
