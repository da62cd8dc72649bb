//! Networks, volumes and secrets that are made.

use cove_api::{Concealed, Network, NetworkCreateOptions, SecretCreateOptions, Subnet, VolumeCreateOptions};

use crate::core::Core;
use crate::{Failure, NetworkOptions};

/// Makes a network.
pub(crate) async fn network(core: &Core, options: NetworkOptions) -> Result<(), Failure> {
    let subnet = Subnet { subnet: options.subnet, gateway: options.gateway, ..Subnet::default() };
    let network = Network {
        name: options.name,
        subnets: if subnet.subnet.is_empty() { Vec::new() } else { vec![subnet] },
        internal: options.internal,
        ipv6_enabled: options.ipv6,
        // As on the command line, where only a flag turns it off.
        dns_enabled: true,
        ..Network::default()
    };
    core.engine()?.networks().create(network, NetworkCreateOptions::default()).await?;
    Ok(())
}

/// Makes a volume.
pub(crate) async fn volume(core: &Core, name: String) -> Result<(), Failure> {
    core.engine()?.volumes().create(VolumeCreateOptions { name, ..VolumeCreateOptions::default() }).await?;
    Ok(())
}

/// Keeps a secret, or gives one of that name new data.
pub(crate) async fn secret(core: &Core, name: String, data: Concealed, replace: bool) -> Result<(), Failure> {
    let options = SecretCreateOptions { name, replace, ..SecretCreateOptions::default() };
    core.engine()?.secrets().create(data.0.into(), options).await?;
    Ok(())
}
