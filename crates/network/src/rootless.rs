//! Where bridges live: the host's namespace for root; rootless, one namespace shared by all of the user's
//! containers, with pasta or slirp4netns as its way out.

use std::os::fd::AsFd;
use std::path::PathBuf;

use cove_sys::fs;
use cove_sys::lock::FileLock;

use crate::error::{Error, Result};
use crate::netns;
use crate::process;
use crate::store::Networks;
use crate::userland::{UserNetwork, UserlandOptions};

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
        let state = self.options.run_dir.join("rootless-netns.json");
        let process = fs::read(&state).ok().and_then(|text| serde_json::from_slice::<(i32, u64)>(&text).ok());
        if let Some((pid, start)) = process {
            process::end(pid, start);
        }
        let _ = fs::remove_file(&state);
        netns::remove(&self.shared_path())
    }

    /// The namespace shared by the user's containers; made, and its way out started, where it is missing.
    fn shared_netns(&self) -> Result<PathBuf> {
        let path = self.shared_path();
        let state = self.options.run_dir.join("rootless-netns.json");
        let _lock = self.shared_lock()?;
        let running = || -> Option<()> {
            netns::open(&path).ok()?;
            let (pid, start): (i32, u64) = serde_json::from_slice(&fs::read(&state).ok()?).ok()?;
            process::alive(pid, start).then_some(())
        };
        if running().is_some() {
            return Ok(path);
        }
        netns::create(&path)?;
        let options = UserlandOptions {
            network: self.default_user_network()?,
            container_id: "rootless-netns".into(),
            netns: path.clone(),
            ..UserlandOptions::default()
        };
        let (started, _) = self.start_userland(&options, &[])?;
        let text =
            serde_json::to_vec(&started).map_err(|source| Error::Parse { path: state.clone(), source })?;
        cove_sys::atomic::write(&state, &text, 0o600)
            .map_err(|error| Error::file("writing", &state, error))?;
        Ok(path)
    }

    /// Where name servers of rootless networks ask on: the host's `resolv.conf` may name a server that the shared
    /// namespace cannot reach.
    pub(crate) fn upstream_dns(&self) -> Option<&'static str> {
        if !self.options.rootless {
            return None;
        }
        match self.default_user_network() {
            Ok(UserNetwork::Slirp4netns) => Some(crate::userland::SLIRP_DNS),
            _ => Some(crate::userland::PASTA_DNS),
        }
    }
}
