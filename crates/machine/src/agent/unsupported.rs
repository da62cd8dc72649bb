//! The agent on systems whose providers it cannot serve yet.

use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::ops::Machines;

/// Refuses: no provider of this system can be driven by this version.
///
/// # Errors
/// Always [`Error::ProviderUnsupported`], or the machine does not exist.
pub async fn run(machines: &Machines, name: &MachineName) -> Result<()> {
    let (record, _) = machines.load(name)?;
    Err(Error::ProviderUnsupported {
        provider: record.provider.to_string(),
        reason: "not on this system in this version",
    })
}
