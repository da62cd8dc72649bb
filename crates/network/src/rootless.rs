//! Where bridges live: the host's namespace for root, a namespace shared by all containers of the user rootless.

use crate::error::{Error, Result};
use crate::store::Networks;

impl Networks {
    /// Runs `work` where bridges, firewall and name servers live.
    pub(crate) fn in_host<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        if self.options.rootless {
            return Err(Error::Unsupported("bridge networks are not supported rootless".into()));
        }
        work()
    }
}
