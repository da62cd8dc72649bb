//! `machine set`.

use super::init::check_resources;
use super::machines::Machines;
use super::options::check_trust;
use crate::error::{Error, Result};
use crate::name::MachineName;

/// What is to be changed; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct SetOptions {
    /// Virtual processors.
    pub cpus: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Disk in GiB; can only grow.
    pub disk_gib: Option<u64>,
    /// Whether the guest trusts the certificate authorities of the host.
    pub import_native_ca: Option<bool>,
}

impl Machines {
    /// Changes a machine; it counts from the next start.
    ///
    /// # Errors
    /// It does not exist, a value is impossible, or its size is to change while it runs.
    pub async fn set(&self, name: &MachineName, options: &SetOptions) -> Result<()> {
        let (_, paths) = self.find(name)?;
        let _lock = self.lock(name, &paths).await?;
        let (mut record, paths) = self.load(name)?;
        let provider = self.provider(record.provider);
        let sizes = options.cpus.is_some() || options.memory_mib.is_some() || options.disk_gib.is_some();
        let running = provider.is_alive(&paths);
        if sizes && running {
            return Err(Error::RunningNotChanged { name: name.to_string(), what: "its size" });
        }
        if !running {
            self.finish_restore(&mut record, &paths, provider.as_ref()).await?;
        }
        let before = record.disk_gib;
        record.cpus = options.cpus.unwrap_or(record.cpus);
        record.memory_mib = options.memory_mib.unwrap_or(record.memory_mib);
        record.disk_gib = options.disk_gib.unwrap_or(before);
        check_resources(record.cpus, record.memory_mib, record.disk_gib, before)?;
        record.import_native_ca = options.import_native_ca.unwrap_or(record.import_native_ca);
        check_trust(options.import_native_ca == Some(true))?;
        if record.disk_gib > before {
            // The disk first: one that is larger than recorded does no harm.
            provider.resize(&record, &paths).await?;
        }
        self.save(&record, &paths)
    }
}
