//! Adding a running container to a network, and taking it out of one.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use cove_api::NetworkStatus;

use crate::attach::Plan;
use crate::error::{Error, Result};
use crate::ident;
use crate::netns;
use crate::process;
use crate::record::{Mode, Record};
use crate::setup::{SetupOptions, free_interface};
use crate::store::Networks;

/// How long an ended port forwarder may hold its ports.
const END_TIMEOUT: Duration = Duration::from_secs(2);

impl Networks {
    /// Adds a running container to more networks. Published ports are those of its set-up; those of `options` where it
    /// has been set up without a network.
    ///
    /// # Errors
    /// As [`Networks::setup`]; the container's other networks are left alone.
    pub fn connect(&self, options: &SetupOptions) -> Result<BTreeMap<String, NetworkStatus>> {
        ident::check_id(&options.container_id)?;
        let namespace = netns::open(&options.netns)
            .map_err(|error| Error::file("opening the network namespace", &options.netns, error))?;
        let Some(mut record) = self.records.read(&self.owner, &options.container_id)? else {
            // It was set up without a network.
            return Ok(self.setup(options)?.networks);
        };
        if record.mode != Mode::Bridge {
            return Err(Error::Invalid(format!(
                "container {} has a user-mode network and cannot join others: invalid network mode",
                record.id
            )));
        }
        let present: BTreeSet<String> = record.networks.keys().cloned().collect();
        let result = self.plan_more(&mut record, options).and_then(|plans| {
            self.records.write(&record)?;
            self.in_host(|| self.attach(&record, &plans, namespace.as_fd()))?;
            self.forward_ports(&mut record)
        });
        let added: Vec<String> =
            record.networks.keys().filter(|name| !present.contains(*name)).cloned().collect();
        if let Err(error) = result {
            for name in &added {
                if let Err(cleanup) = self.leave(&mut record, name) {
                    tracing::warn!("taking {} out of network {name}: {cleanup}", record.id);
                }
            }
            return Err(error);
        }
        Ok(added
            .into_iter()
            .filter_map(|name| Some((name.clone(), record.networks.get(&name)?.status.clone())))
            .collect())
    }

    fn plan_more(&self, record: &mut Record, options: &SetupOptions) -> Result<Vec<Plan>> {
        let mut used: BTreeSet<String> =
            record.networks.values().map(|entry| entry.interface.clone()).collect();
        let mut plans = Vec::new();
        for (name, how) in &options.networks {
            let network = self.config.find(name)?;
            if record.networks.contains_key(&network.name) {
                return Err(Error::InUse(format!(
                    "container {} is already connected to network {:?}",
                    record.id, network.name
                )));
            }
            let interface = if how.interface_name.is_empty() {
                free_interface(&used)
            } else {
                how.interface_name.clone()
            };
            ident::check_device_name(&interface)?;
            if !used.insert(interface.clone()) {
                return Err(Error::Invalid(format!("interface name {interface} is used already")));
            }
            plans.push(self.plan(record, network, how, interface)?);
        }
        Ok(plans)
    }

    /// Takes a running container out of one network.
    ///
    /// # Errors
    /// The container is not in that network, or the kernel's refusal.
    pub fn disconnect(&self, container_id: &str, network: &str) -> Result<()> {
        ident::check_id(container_id)?;
        let record = self.records.read(&self.owner, container_id)?;
        let Some(mut record) = record.filter(|record| record.networks.contains_key(network)) else {
            return Err(Error::Invalid(format!(
                "container {container_id} is not connected to network {network:?}"
            )));
        };
        self.leave(&mut record, network)
    }

    fn leave(&self, record: &mut Record, network: &str) -> Result<()> {
        let before = record.clone();
        let Some(entry) = record.networks.remove(network) else { return Ok(()) };
        let mut errors = Vec::new();
        let mut note = |result: Result<()>| errors.extend(result.err());
        note(self.in_host_if_there(|| self.firewall().remove(&before, &|| self.records.all())));
        note(self.delete_device(&before, &entry));
        for address in &entry.addresses {
            note(self.leases.release(&entry.network.name, *address, &record.holder()));
        }
        note(self.records.write(record));
        note(self.in_host_if_there(|| {
            self.dns_remove(&entry.network, &record.id)?;
            self.firewall().add(record, &|| self.records.all())
        }));
        if record.target(true) != before.target(true) || record.target(false) != before.target(false) {
            // It leads to an address that is gone.
            self.end_processes(record);
            let deadline = Instant::now() + END_TIMEOUT;
            while record.processes.iter().any(|(pid, start)| process::alive(*pid, *start))
                && Instant::now() < deadline
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            record.processes.clear();
            note(self.forward_ports(record));
        }
        note(self.end_shared_netns_if_unused());
        Error::collected(errors)
    }
}
