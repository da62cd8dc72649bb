//! Address leases: one symbolic link per address, `NETWORK/ADDRESS -> CONTAINER@OWNER`.
//!
//! Making a symbolic link is atomic and fails where the name exists, so two processes can never get one address,
//! nothing can be torn by a crash, and no lock is needed. The store lies in the run directory: a reboot clears it.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cove_sys::fs;

use crate::addr::{Cidr, from_number, number};
use crate::error::{Error, Result};

/// The lease store beneath one folder.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    folder: PathBuf,
}

/// What may be leased from one subnet of a network.
#[derive(Debug, Clone)]
pub(crate) struct Pool<'a> {
    /// Name of the network.
    pub(crate) network: &'a str,
    pub(crate) subnet: Cidr,
    pub(crate) gateway: Option<IpAddr>,
    /// First and last address of the lease range.
    pub(crate) range: Option<(IpAddr, IpAddr)>,
    /// Addresses that others are seen to use.
    pub(crate) avoid: BTreeSet<IpAddr>,
    /// Podman leases from the same subnet, upwards from its start and in a store of its own: take the upper half
    /// first.
    pub(crate) shared: bool,
}

impl Pool<'_> {
    /// First and last number to give out, without network address, broadcast address and first gateway.
    fn bounds(&self) -> Option<(u128, u128)> {
        let (first, last) = (number(self.subnet.first()), number(self.subnet.last()));
        let (mut low, mut high) = match self.subnet.host_bits() {
            0 => (first, last),
            1 => (first, last),
            _ if self.subnet.is_ipv4() => (first + 1, last - 1),
            _ => (first + 1, last),
        };
        if let Some((start, end)) = self.range {
            low = low.max(number(start));
            high = high.min(number(end));
        }
        (low <= high).then_some((low, high))
    }
}

impl Leases {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn network_folder(&self, network: &str) -> Result<PathBuf> {
        crate::ident::check_network_name(network)?;
        let folder = self.folder.join(network);
        fs::create_dir_all(&folder).map_err(|error| Error::file("creating", &folder, error))?;
        Ok(folder)
    }

    fn try_lease(folder: &Path, address: IpAddr, holder: &str) -> Result<bool> {
        let path = folder.join(address.to_string());
        match fs_err::os::unix::fs::symlink(holder, &path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::file("leasing", &path, error)),
        }
    }

    /// Leases exactly `address`; holding it already is fine.
    pub(crate) fn lease_static(&self, pool: &Pool<'_>, address: IpAddr, holder: &str) -> Result<()> {
        if pool.gateway == Some(address) {
            return Err(Error::InUse(format!(
                "requested ip address {address} is the gateway of network {}",
                pool.network
            )));
        }
        let folder = self.network_folder(pool.network)?;
        if Self::try_lease(&folder, address, holder)? {
            return Ok(());
        }
        let present = fs::read_link(folder.join(address.to_string())).unwrap_or_default();
        if present.as_os_str() == holder {
            return Ok(());
        }
        let by = present.to_string_lossy();
        let by = by.split('@').next().unwrap_or_default();
        Err(Error::InUse(format!("requested ip address {address} is already allocated to container ID {by}")))
    }

    /// Leases the next free address after the one given out last, round and round, so that an address rests
    /// as long as possible before it comes back.
    pub(crate) fn lease(&self, pool: &Pool<'_>, holder: &str) -> Result<IpAddr> {
        let exhausted = || Error::Exhausted {
            network: pool.network.to_owned(),
            subnet: match pool.range {
                Some((start, end)) => format!("{start}-{end}"),
                None => pool.subnet.network().to_string(),
            },
        };
        let (low, high) = pool.bounds().ok_or_else(exhausted)?;
        let folder = self.network_folder(pool.network)?;
        let ipv4 = pool.subnet.is_ipv4();
        let marker = folder.join(if ipv4 { ".last4" } else { ".last6" });
        // Small subnets have no half to spare.
        let low_half = if pool.shared && high - low >= 61 { low + (high - low).div_ceil(2) + 1 } else { low };
        let last = fs::read_link(&marker)
            .ok()
            .and_then(|text| text.to_str().and_then(|text| text.parse::<IpAddr>().ok()))
            .filter(|last| last.is_ipv4() == ipv4)
            .map(number)
            .filter(|last| (low_half..high).contains(last));
        let start = last.map_or(low_half, |last| last + 1);
        let candidates = (start..=high)
            .chain(low_half..start)
            .chain(low..low_half)
            .map(|candidate| from_number(candidate, ipv4));
        // A subnet of IPv6 has no end; a lease store of this size has.
        for candidate in candidates.take(1 << 20) {
            if pool.gateway == Some(candidate) || pool.avoid.contains(&candidate) {
                continue;
            }
            if Self::try_lease(&folder, candidate, holder)? {
                remember(&marker, candidate);
                return Ok(candidate);
            }
        }
        Err(exhausted())
    }

    /// Gives one lease back, if `holder` has it.
    pub(crate) fn release(&self, network: &str, address: IpAddr, holder: &str) -> Result<()> {
        crate::ident::check_network_name(network)?;
        let path = self.folder.join(network).join(address.to_string());
        if fs::read_link(&path).is_ok_and(|present| present.as_os_str() == holder) {
            return fs::remove_file(&path).map_err(|error| Error::file("releasing", &path, error));
        }
        Ok(())
    }

    /// Gives back all leases whose (network, holder) `stale` says so; returns how many.
    pub(crate) fn release_where(&self, stale: &dyn Fn(&str, &str) -> bool) -> Result<usize> {
        let mut count = 0;
        for network in names(&self.folder)? {
            let folder = self.folder.join(&network);
            for lease in names(&folder)? {
                let path = folder.join(&lease);
                let Ok(holder) = fs::read_link(&path) else { continue };
                let holder = holder.to_string_lossy();
                if lease.parse::<IpAddr>().is_ok()
                    && stale(&network, &holder)
                    && fs::remove_file(&path).is_ok()
                {
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    /// Forgets all leases of a network that is removed.
    pub(crate) fn forget(&self, network: &str) -> Result<()> {
        crate::ident::check_network_name(network)?;
        let folder = self.folder.join(network);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::file("removing", &folder, error))
            }
            _ => Ok(()),
        }
    }
}

/// The marker is a hint only: losing a race for it costs a few more tries.
fn remember(marker: &Path, address: IpAddr) {
    let temporary = marker.with_extension(format!("{}.{:x}", std::process::id(), number(address)));
    if fs_err::os::unix::fs::symlink(address.to_string(), &temporary).is_ok()
        && fs::rename(&temporary, marker).is_err()
    {
        let _ = fs::remove_file(&temporary);
    }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| Error::file("reading", folder, error))?,
    };
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(subnet: &str) -> Pool<'static> {
        let subnet: Cidr = subnet.parse().unwrap();
        let gateway = from_number(number(subnet.first()) + 1, subnet.is_ipv4());
        Pool {
            network: "net",
            subnet,
            gateway: Some(gateway),
            range: None,
            avoid: BTreeSet::new(),
            shared: false,
        }
    }

    #[test]
    fn addresses_are_leased_round_and_round() {
        let folder = tempfile::tempdir().unwrap();
        let leases = Leases::new(folder.path().to_path_buf());
        let pool = pool("10.89.0.0/29");
        let text = |lease: Result<IpAddr>| lease.unwrap().to_string();
        assert_eq!(text(leases.lease(&pool, "a")), "10.89.0.2");
        assert_eq!(text(leases.lease(&pool, "b")), "10.89.0.3");
        leases.release("net", "10.89.0.2".parse().unwrap(), "b").unwrap();
        leases.release("net", "10.89.0.2".parse().unwrap(), "a").unwrap();
        for expected in ["10.89.0.4", "10.89.0.5", "10.89.0.6", "10.89.0.2"] {
            assert_eq!(text(leases.lease(&pool, "c")), expected);
        }
        assert!(matches!(leases.lease(&pool, "d"), Err(Error::Exhausted { .. })));
        assert_eq!(leases.release_where(&|_, holder| holder == "c").unwrap(), 4);
        assert!(leases.lease(&pool, "d").is_ok());
    }

    #[test]
    fn the_smallest_subnet_has_one_address() {
        let folder = tempfile::tempdir().unwrap();
        let leases = Leases::new(folder.path().to_path_buf());
        let pool = pool("10.89.0.0/30");
        assert_eq!(leases.lease(&pool, "a").unwrap().to_string(), "10.89.0.2");
        let error = leases.lease(&pool, "b").unwrap_err().to_string();
        assert!(error.contains("no free address") && error.contains("10.89.0.0/30"), "{error}");
    }

    #[test]
    fn ranges_gateways_and_others_are_kept_free() {
        let folder = tempfile::tempdir().unwrap();
        let leases = Leases::new(folder.path().to_path_buf());
        let mut pool = pool("fd00::/64");
        assert_eq!(leases.lease(&pool, "a").unwrap().to_string(), "fd00::2");
        pool.range = Some(("fd00::10".parse().unwrap(), "fd00::11".parse().unwrap()));
        pool.avoid.insert("fd00::10".parse().unwrap());
        assert_eq!(leases.lease(&pool, "a").unwrap().to_string(), "fd00::11");
        assert!(leases.lease(&pool, "a").is_err());
        let taken = leases.lease_static(&pool, "fd00::11".parse().unwrap(), "b").unwrap_err();
        assert!(taken.to_string().contains("allocated to container ID a"), "{taken}");
        leases.lease_static(&pool, "fd00::11".parse().unwrap(), "a").unwrap();
        assert!(leases.lease_static(&pool, "fd00::1".parse().unwrap(), "b").is_err());
        assert!(leases.forget("../net").is_err());
    }

    #[test]
    fn a_subnet_shared_with_podman_is_used_from_its_middle() {
        let folder = tempfile::tempdir().unwrap();
        let leases = Leases::new(folder.path().to_path_buf());
        let mut pool = Pool { shared: true, ..pool("10.88.0.0/16") };
        assert_eq!(leases.lease(&pool, "a").unwrap().to_string(), "10.88.128.1");
        assert_eq!(leases.lease(&pool, "a").unwrap().to_string(), "10.88.128.2");
        pool.subnet = "10.88.0.0/26".parse().unwrap();
        let all: BTreeSet<_> = (0..61).map(|_| leases.lease(&pool, "b").unwrap()).collect();
        assert_eq!(all.len(), 61);
        assert!(leases.lease(&pool, "b").is_err());
    }

    #[test]
    fn threads_never_share_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let leases = Leases::new(folder.path().to_path_buf());
        let pool = pool("10.89.0.0/24");
        let all = std::sync::Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (leases, pool, all) = (&leases, &pool, &all);
                scope.spawn(move || {
                    for number in 0..30 {
                        let lease = leases.lease(pool, &format!("{thread}-{number}")).unwrap();
                        assert!(all.lock().unwrap().insert(lease));
                    }
                });
            }
        });
        assert_eq!(all.lock().unwrap().len(), 240);
    }
}
