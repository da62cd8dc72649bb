//! Name service of networks by aardvark-dns.

use cove_api::Network;

use crate::error::{Error, Result};
use crate::record::{Record, RecordNetwork};
use crate::store::Networks;

impl Networks {
    pub(crate) fn dns_add(&self, _record: &Record, entry: &RecordNetwork) -> Result<()> {
        if entry.network.dns_enabled {
            return Err(Error::Unsupported(
                "name service of networks is not supported: use --disable-dns".into(),
            ));
        }
        Ok(())
    }
    pub(crate) fn dns_remove(&self, _network: &Network, _id: &str) -> Result<()> {
        Ok(())
    }
    pub(crate) fn dns_update(&self, _network: &Network) -> Result<()> {
        Ok(())
    }
    pub(crate) fn dns_forget(&self, _network: &Network) -> Result<()> {
        Ok(())
    }
}
