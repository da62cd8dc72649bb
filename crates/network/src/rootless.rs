//! Where bridges live: the host's namespace for root; rootless, one namespace shared by all of the user's
//! containers, with pasta or slirp4netns as its way out.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use cove_sys::fs;
use cove_sys::lock::FileLock;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::netns;
use crate::process;
use crate::store::Networks;
use crate::userland::{Started, UserNetwork, UserlandOptions};

/// The program that is the shared namespace's way out.
#[derive(Debug, Serialize, Deserialize)]
struct Uplink {
    /// 0 where the host had no network, and the namespace has no way out.
    pid: i32,
    start: u64,
    /// Address under which containers reach the host.
    host: Option<IpAddr>,
}

impl Networks {
    /// Runs `work` where bridges, firewall and name servers live.
    pub(crate) fn in_host<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        if !self.options.rootless {
            return work();
        }
        let path = self.shared_netns()?;
        let namespace = netns::open(&path)
            .map_err(|error| Error::file("opening the shared network namespace", &path, error))?;
        netns::within(namespace.as_fd(), work)
    }

    /// Runs a program where bridges live: rootless, in the namespace that the user's containers share, which goes again
    /// with the last who needs it.
    ///
    /// # Errors
    /// The namespace cannot be made or entered; the program cannot be started.
    pub fn run_in_shared(&self, command: &mut Command) -> Result<ExitStatus> {
        // The child has the namespaces of the thread that starts it.
        let status =
            self.in_host(|| command.status().map_err(|error| Error::kernel("starting the program", error)));
        self.end_shared_netns_if_unused()?;
        status
    }

    /// As [`Networks::in_host`], for taking down: without the shared namespace there is nothing to do.
    pub(crate) fn in_host_if_there(&self, work: impl FnOnce() -> Result<()> + Send) -> Result<()> {
        if !self.options.rootless {
            return work();
        }
        match netns::open(&self.shared_path()) {
            Ok(namespace) => netns::within(namespace.as_fd(), work),
            Err(_) => Ok(()),
        }
    }

    fn shared_path(&self) -> PathBuf {
        self.options.run_dir.join("rootless-netns")
    }

    fn shared_lock(&self) -> Result<FileLock> {
        let lock = self.options.run_dir.join("rootless-netns.lock");
        FileLock::exclusive(&lock).map_err(|error| Error::file("locking", &lock, error))
    }

    /// Gives the shared namespace up when no container is left in it.
    pub(crate) fn end_shared_netns_if_unused(&self) -> Result<()> {
        if !self.options.rootless || netns::open(&self.shared_path()).is_err() {
            return Ok(());
        }
        let _lock = self.shared_lock()?;
        // A container that is being set up has written its record before it asks for the namespace.
        if self.records.all()?.iter().any(|record| !record.networks.is_empty()) {
            return Ok(());
        }
        if let Some(uplink) = self.uplink() {
            process::end(uplink.pid, uplink.start);
        }
        let _ = fs::remove_file(self.uplink_path());
        netns::remove(&self.shared_path())
    }

    /// The namespace shared by the user's containers; made, and its way out started, where it is missing.
    fn shared_netns(&self) -> Result<PathBuf> {
        let path = self.shared_path();
        let _lock = self.shared_lock()?;
        if netns::open(&path).is_ok() && self.uplink().is_some_and(|uplink| self.serves(&uplink)) {
            return Ok(path);
        }
        netns::create(&path)?;
        let options = UserlandOptions {
            network: self.default_user_network()?,
            container_id: "rootless-netns".into(),
            netns: path.clone(),
            ..UserlandOptions::default()
        };
        let Started { process, report } = self.start_userland(&options, &[])?;
        let (pid, start) = process.unwrap_or_default();
        let state = self.uplink_path();
        let text = serde_json::to_vec(&Uplink { pid, start, host: report.host })
            .map_err(|source| Error::Parse { path: state.clone(), source })?;
        cove_sys::atomic::write(&state, &text, 0o600)
            .map_err(|error| Error::file("writing", &state, error))?;
        Ok(path)
    }

    /// Whether the way out is as good as it can be: where there is none, because the host had no network yet.
    fn serves(&self, uplink: &Uplink) -> bool {
        match uplink.pid {
            0 => !self.pasta_works().unwrap_or(false),
            pid => process::alive(pid, uplink.start),
        }
    }

    fn uplink_path(&self) -> PathBuf {
        self.options.run_dir.join("rootless-netns.json")
    }

    fn uplink(&self) -> Option<Uplink> {
        serde_json::from_slice(&fs::read(self.uplink_path()).ok()?).ok()
    }

    /// Address under which containers of the shared namespace reach the host.
    pub(crate) fn shared_host_address(&self) -> Option<IpAddr> {
        self.uplink()?.host
    }

    /// Where name servers of rootless networks ask on: the host's `resolv.conf` may name a server that the shared
    /// namespace cannot reach.
    pub(crate) fn upstream_dns(&self) -> Option<&'static str> {
        if !self.options.rootless {
            return None;
        }
        match self.default_user_network() {
            Ok(UserNetwork::Slirp4netns) => Some(crate::slirp::SLIRP_DNS),
            _ => Some(crate::pasta::PASTA_DNS),
        }
    }
}
