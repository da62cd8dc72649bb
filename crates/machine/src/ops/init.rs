//! `machine init`.

use std::path::{Path, PathBuf};

use cove_sys::lock::FileLock;
use cove_sys::{atomic, fs};

use super::machines::Machines;
use super::options::{LOCAL_ZONE, check_folders, check_swap, check_trust, check_user, check_zone};
use crate::error::{Error, Result};
use crate::image::MachineImage;
use crate::keys;
use crate::name::MachineName;
use crate::paths::{MachinePaths, private_folder};
use crate::progress::{ProgressSink, StepTime, Steps};
use crate::provider::{ProviderKind, VmProvider};
use crate::record::{MachineRecord, RECORD_VERSION, RecordedImage};
use crate::share::SharedFolder;

/// Smallest memory a guest boots and runs a container with, in MiB.
const LEAST_MEMORY_MIB: u64 = 256;
/// Beginning of the names of folders that are being filled.
const STAGING: &str = ".init-";
/// Held where such folders come, go, or become machines, so that nobody takes one in between for a leftover.
const COMING_AND_GOING: &str = ".init.lock";

/// What a new machine is to be.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Its name.
    pub name: MachineName,
    /// What runs it.
    pub provider: ProviderKind,
    /// Virtual processors; `None` for half of the host's.
    pub cpus: Option<u32>,
    /// Memory in MiB; `None` for 2048.
    pub memory_mib: Option<u64>,
    /// Disk in GiB; `None` for 100.
    pub disk_gib: Option<u64>,
    /// Folder of the image or its manifest; `None` for the first of [`Machines::image_folders`].
    pub image: Option<PathBuf>,
    /// Time zone: `local` for the host's at each start, or a name; `None` for `local`.
    pub timezone: Option<String>,
    /// Swap on the machine's disk, in MiB.
    pub swap_mib: u64,
    /// Who logs in where no user is named; `None` for root.
    pub username: Option<String>,
    /// Whether the guest trusts the certificate authorities of the host.
    pub import_native_ca: bool,
    /// Folders of the host that it is to see.
    pub shared_folders: Vec<SharedFolder>,
}

impl InitOptions {
    /// A machine of that name with the usual of everything.
    #[must_use]
    pub fn new(name: MachineName, provider: ProviderKind) -> Self {
        Self {
            name,
            provider,
            cpus: None,
            memory_mib: None,
            disk_gib: None,
            image: None,
            timezone: None,
            swap_mib: 0,
            username: None,
            import_native_ca: false,
            shared_folders: Vec::new(),
        }
    }
}

impl Machines {
    /// Makes a machine. It appears only when it is complete; what an interrupted call left is removed by the next.
    ///
    /// # Errors
    /// The name is taken, an option is impossible, a program or the image is missing, or a file operation fails.
    pub async fn init(&self, options: &InitOptions, sink: ProgressSink<'_>) -> Result<Vec<StepTime>> {
        let mut steps = Steps::new(sink);
        steps.begin("check");
        let name = &options.name;
        let provider = self.provider(options.provider);
        let paths = self.folders.machine(options.provider, name);
        paths.check_sockets()?;
        let _lock = self.lock(name, &paths).await?;
        self.check_free(name)?;
        provider.check().await?;
        let image = match &options.image {
            Some(path) => MachineImage::open(path)?,
            None => MachineImage::find(&self.image_folders)?,
        };
        let mut record = new_record(options, &image, provider.as_ref())?;
        provider.assign(&mut record)?;

        let parent = self.folders.provider(options.provider);
        let staging = Staging::create(&parent, name, &paths)?;
        steps.begin("keys");
        let record = make_keys(record, &staging.paths)?;
        steps.begin("disk");
        provider.create(&record, &image, &staging.paths).await?;
        steps.begin("register");
        self.save(&record, &staging.paths)?;
        staging.complete(&paths)?;
        let first = self.connections.default_connection().is_err();
        self.register(name, &paths, first)?;
        Ok(steps.finish())
    }

    /// Makes sure that a name is neither a machine's nor that of another connection; the name's lock is held.
    pub(super) fn check_free(&self, name: &MachineName) -> Result<()> {
        if self.find(name).is_ok() {
            return Err(Error::AlreadyExists { name: name.to_string() });
        }
        if let Ok(connection) = self.connections.get(name.as_str())
            && !connection.destination.is_machine
        {
            return Err(Error::BadOption {
                option: "name",
                reason: format!("a connection {name:?} exists that is no machine: choose another name"),
            });
        }
        Ok(())
    }
}

fn new_record(
    options: &InitOptions,
    image: &MachineImage,
    provider: &dyn VmProvider,
) -> Result<MachineRecord> {
    let host_cpus =
        std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
    let cpus = options.cpus.unwrap_or((host_cpus / 2).max(1));
    let memory_mib = options.memory_mib.unwrap_or(2048);
    let disk_gib = options.disk_gib.unwrap_or(100);
    check_resources(cpus, memory_mib, disk_gib, image.disk_gib)?;
    let timezone = options.timezone.clone().unwrap_or_else(|| LOCAL_ZONE.into());
    check_zone(&timezone)?;
    check_swap(options.swap_mib, disk_gib, image.disk_gib)?;
    options.username.as_deref().map_or(Ok(()), check_user)?;
    check_trust(options.import_native_ca)?;
    check_folders(&options.shared_folders, provider)?;
    if !provider.capabilities().resources && (options.cpus.is_some() || options.memory_mib.is_some()) {
        return Err(Error::BadOption {
            option: "--cpus, --memory",
            reason: format!("the provider {} shares the host's", provider.kind()),
        });
    }
    Ok(MachineRecord {
        version: RECORD_VERSION,
        name: options.name.clone(),
        provider: options.provider,
        created: jiff::Timestamp::now().to_string(),
        last_up: None,
        cpus,
        memory_mib,
        disk_gib,
        // What the provider assigns.
        ssh_port: 0,
        host_key: String::new(),
        image: RecordedImage {
            arch: image.arch.clone(),
            variant: if image.variant.is_empty() { "init".into() } else { image.variant.clone() },
            kernel_version: image.kernel_version.clone(),
            cove_version: image.cove_version.clone(),
            disk_sha256: image.file(provider.files().disk)?.sha256.clone(),
        },
        timezone: Some(timezone),
        swap_mib: options.swap_mib,
        username: options.username.clone(),
        import_native_ca: options.import_native_ca,
        shared_folders: options.shared_folders.clone(),
    })
}

/// Refuses sizes that cannot boot.
pub(super) fn check_resources(cpus: u32, memory_mib: u64, disk_gib: u64, least_disk_gib: u64) -> Result<()> {
    let bad = |option, reason| Err(Error::BadOption { option, reason });
    if !(1..=255).contains(&cpus) {
        return bad("--cpus", format!("{cpus} is not between 1 and 255"));
    }
    if memory_mib < LEAST_MEMORY_MIB {
        return bad("--memory", format!("{memory_mib} MiB are not enough: at least {LEAST_MEMORY_MIB}"));
    }
    if memory_mib > 16 << 20 {
        return bad("--memory", format!("{memory_mib} MiB are more than 16 TiB"));
    }
    if disk_gib < least_disk_gib {
        return bad(
            "--disk-size",
            format!("{disk_gib} GiB are not enough: the image needs {least_disk_gib}"),
        );
    }
    if disk_gib > 16 * 1024 {
        return bad("--disk-size", format!("{disk_gib} GiB are more than 16 TiB"));
    }
    Ok(())
}

pub(super) fn make_keys(mut record: MachineRecord, paths: &MachinePaths) -> Result<MachineRecord> {
    keys::create(&paths.identity(), &format!("cove-{}", record.name))?;
    record.host_key = keys::create(&paths.host_key(), &format!("cove-{}-host", record.name))?;
    let line = format!("{} {}\n", super::ssh::host_alias(&record.name), record.host_key);
    atomic::write(&paths.known_hosts(), line.as_bytes(), 0o600)?;
    Ok(record)
}

/// A folder that becomes the machine's by one rename, and is removed where that does not happen.
pub(super) struct Staging {
    paths: MachinePaths,
    _lock: FileLock,
    complete: bool,
}

impl Staging {
    /// Makes one, and removes those of calls that were killed.
    pub(super) fn create(parent: &Path, name: &MachineName, paths: &MachinePaths) -> Result<Self> {
        private_folder(parent)?;
        let _alone = FileLock::exclusive(&parent.join(COMING_AND_GOING))?;
        remove_leftovers(parent);
        let folder = parent.join(format!("{STAGING}{name}-{}", std::process::id()));
        private_folder(&folder)?;
        let lock = FileLock::exclusive(&folder.join(".lock"))?;
        Ok(Self { paths: MachinePaths { folder, ..paths.clone() }, _lock: lock, complete: false })
    }

    /// The machine's files, in this folder.
    pub(super) fn paths(&self) -> &MachinePaths {
        &self.paths
    }

    pub(super) fn complete(mut self, to: &MachinePaths) -> Result<()> {
        let alone = self.paths.folder.parent().map(|parent| parent.join(COMING_AND_GOING));
        let _alone = alone.map(|path| FileLock::exclusive(&path)).transpose()?;
        fs::remove_file(self.paths.folder.join(".lock"))?;
        fs::rename(&self.paths.folder, &to.folder)?;
        self.complete = true;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.complete {
            let _ = fs::remove_dir_all(&self.paths.folder);
        }
    }
}

/// Folders of calls that were killed; a living call holds the lock in its folder.
pub(super) fn leftovers(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let is_left = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        (name.starts_with(STAGING) || name.starts_with(super::remove::REMOVED))
            && !crate::process::is_held(&path.join(".lock"))
    };
    entries.flatten().map(|entry| entry.path()).filter(|path| is_left(path)).collect()
}

/// Removes them.
pub(super) fn sweep(parent: &Path) -> Result<()> {
    let _alone = FileLock::exclusive(&parent.join(COMING_AND_GOING))?;
    remove_leftovers(parent);
    Ok(())
}

/// As [`sweep`], for who holds the lock.
fn remove_leftovers(parent: &Path) {
    for folder in leftovers(parent) {
        if !matches!(FileLock::try_exclusive(&folder.join(".lock")), Ok(None)) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::MachineFolders;

    #[test]
    fn impossible_sizes_are_refused_by_option() {
        assert!(check_resources(2, 2048, 100, 8).is_ok());
        for (cpus, memory, disk, option) in [
            (0, 2048, 100, "--cpus"),
            (2, 1, 100, "--memory"),
            (2, u64::MAX, 100, "--memory"),
            (2, 2048, 1, "--disk-size"),
        ] {
            let error = check_resources(cpus, memory, disk, 8).unwrap_err().to_string();
            assert!(error.starts_with(option), "{error}");
        }
    }

    #[test]
    fn nobody_sweeps_while_a_machine_appears() {
        let parent = tempfile::tempdir().unwrap();
        let folders = MachineFolders { data: parent.path().to_owned(), runtime: parent.path().join("run") };
        let machine = |name: &str| {
            let name = name.parse::<MachineName>().unwrap();
            (folders.machine(ProviderKind::Qemu, &name), name)
        };
        let provider = folders.provider(ProviderKind::Qemu);
        // Each call of the one sweeps while the other's machines appear.
        let make = |prefix: &str| {
            for n in 0..50 {
                let (paths, name) = machine(&format!("{prefix}{n}"));
                let staging = Staging::create(&provider, &name, &paths).unwrap();
                fs::write(staging.paths.folder.join("disk"), "all").unwrap();
                staging.complete(&paths).unwrap();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| make("a"));
            make("b");
        });
        for prefix in ["a", "b"] {
            for n in 0..50 {
                let (paths, name) = machine(&format!("{prefix}{n}"));
                assert_eq!(fs::read_to_string(paths.folder.join("disk")).unwrap(), "all", "{name}");
            }
        }
    }

    #[test]
    fn leftovers_go_and_living_folders_stay() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join(".init-a-1");
        let alive = parent.path().join(".init-b-2");
        let machine = parent.path().join("dev");
        for folder in [&dead, &alive, &machine] {
            fs::create_dir(folder).unwrap();
        }
        let _lock = FileLock::exclusive(&alive.join(".lock")).unwrap();
        remove_leftovers(parent.path());
        assert!(!dead.exists() && alive.exists() && machine.exists());
    }
}
