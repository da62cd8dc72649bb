//! `machine default`: the machine that commands without a connection go to.

use super::machines::Machines;
use crate::error::{Error, Result};
use crate::name::MachineName;

impl Machines {
    /// The machine of the default connection, when that is one of ours.
    #[must_use]
    pub fn default_machine(&self) -> Option<MachineName> {
        let connection = self.connections.default_connection().ok()?;
        let name: MachineName = connection.name.parse().ok()?;
        (connection.destination.is_machine && self.find(&name).is_ok()).then_some(name)
    }

    /// Makes the machine's connection the default one, and the connection where it is missing.
    ///
    /// # Errors
    /// There is no such machine, its name is another connection's, or the connections cannot be changed.
    pub fn set_default_machine(&self, name: &MachineName) -> Result<()> {
        let (_, paths) = self.find(name)?;
        self.register(name, &paths, false)?;
        if !self.connections.get(name.as_str())?.destination.is_machine {
            return Err(Error::BadOption {
                option: "name",
                reason: format!("the connection {name:?} is no machine's"),
            });
        }
        Ok(self.connections.set_default(name.as_str())?)
    }
}
