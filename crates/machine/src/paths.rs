//! Where a machine's files are.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::provider::ProviderKind;

/// `sun_path` holds 108 bytes with its end (unix(7)); macOS has 104.
const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The folders all machines live in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineFolders {
    /// Definitions, disks, keys and logs (`…/share/containers/cove/machine`).
    pub data: PathBuf,
    /// Sockets and process files; lost at a restart of the host (`$XDG_RUNTIME_DIR/cove/machine`).
    pub runtime: PathBuf,
}

impl MachineFolders {
    /// Folder of a provider's machines.
    #[must_use]
    pub fn provider(&self, provider: ProviderKind) -> PathBuf {
        self.data.join(provider.as_str())
    }

    /// Disks of removed machines that were to be kept.
    #[must_use]
    pub fn saved(&self) -> PathBuf {
        self.data.join("saved")
    }

    /// The files of one machine.
    #[must_use]
    pub fn machine(&self, provider: ProviderKind, name: &MachineName) -> MachinePaths {
        MachinePaths {
            folder: self.provider(provider).join(name.as_str()),
            runtime: self.runtime.join(name.as_str()),
            lock: self.data.join("locks").join(format!("{name}.lock")),
        }
    }
}

/// The files of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachinePaths {
    /// Its folder.
    pub folder: PathBuf,
    /// Its runtime folder (mode 0700).
    pub runtime: PathBuf,
    /// Held by the one command that changes it.
    pub lock: PathBuf,
}

impl MachinePaths {
    /// The definition.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.folder.join("machine.json")
    }
    /// The private key that may log in.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.folder.join("id_ed25519")
    }
    /// The guest's private host key.
    #[must_use]
    pub fn host_key(&self) -> PathBuf {
        self.folder.join("host_ed25519")
    }
    /// The pinned host key for the `ssh` program.
    #[must_use]
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.folder.join("known_hosts")
    }
    /// What the guest wrote to its console since the last start.
    #[must_use]
    pub fn console(&self) -> PathBuf {
        self.folder.join("console.log")
    }
    /// What the VM's program has to say.
    #[must_use]
    pub(crate) fn vm_log(&self) -> PathBuf {
        self.folder.join("vm.log")
    }
    /// What the agent has to say.
    #[must_use]
    pub(crate) fn agent_log(&self) -> PathBuf {
        self.folder.join("agent.log")
    }
    /// The VM's process id.
    #[must_use]
    pub fn pid(&self) -> PathBuf {
        self.runtime.join("vm.pid")
    }
    /// Held by the VM's process from its first moment to its last.
    #[must_use]
    pub(crate) fn vm_lock(&self) -> PathBuf {
        self.runtime.join("vm.lock")
    }
    /// QEMU's control socket.
    #[must_use]
    pub(crate) fn qmp(&self) -> PathBuf {
        self.runtime.join("qmp.sock")
    }
    /// The socket of the program that serves a shared folder.
    #[must_use]
    pub(crate) fn folder_socket(&self, index: usize) -> PathBuf {
        self.runtime.join(format!("f{index}.sock"))
    }
    /// What that program has to say.
    #[must_use]
    pub(crate) fn folder_log(&self, index: usize) -> PathBuf {
        self.runtime.join(format!("f{index}.log"))
    }
    /// The forwarded engine API.
    #[must_use]
    pub fn api(&self) -> PathBuf {
        self.runtime.join("api.sock")
    }
    /// What the guest is told at boot (secret).
    #[must_use]
    pub(crate) fn guest_config(&self) -> PathBuf {
        self.runtime.join("guest.json")
    }
    /// Held while an agent lives.
    #[must_use]
    pub(crate) fn agent_lock(&self) -> PathBuf {
        self.runtime.join("agent.lock")
    }
    /// What the agent is doing.
    #[must_use]
    pub(crate) fn agent_state(&self) -> PathBuf {
        self.runtime.join("agent.json")
    }

    /// Makes sure that the sockets' paths are not too long.
    ///
    /// # Errors
    /// [`Error::SocketPathTooLong`].
    pub(crate) fn check_sockets(&self) -> Result<()> {
        for path in [self.qmp(), self.api()] {
            if path.as_os_str().len() > SOCKET_PATH_LIMIT {
                return Err(Error::SocketPathTooLong { path, limit: SOCKET_PATH_LIMIT });
            }
        }
        Ok(())
    }
}

/// Makes a folder that only its owner can enter, also where it was there with another mode.
///
/// # Errors
/// Any failure of the file system.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    cove_sys::fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        cove_sys::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}
