//! `machine reset`.

use std::path::Path;

use cove_sys::fs;

use super::init::sweep;
use super::machines::Machines;
use super::remove::{placeholder, remove_whole};
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::provider::{ProviderKind, Stop};

impl Machines {
    /// Removes all machines, running ones too, and what is left of former ones: folders of interrupted calls, runtime
    /// folders and connections without a machine, and disks that [`Machines::remove`] kept. What another command
    /// makes at this moment stays. One that cannot be removed does not keep the others; each such failure is in the
    /// answer.
    pub async fn reset(&self) -> Vec<Error> {
        let mut failures = Vec::new();
        match self.names() {
            Ok(names) => {
                for (_, name) in names {
                    failures.extend(self.remove(&name, true, false).await.err());
                }
            }
            Err(error) => failures.push(error),
        }
        for kind in ProviderKind::ALL {
            let parent = self.folders.provider(kind);
            if parent.is_dir() {
                failures.extend(sweep(&parent).err());
            }
        }
        failures.extend(remove_whole(&self.folders.saved()).err());
        failures.extend(self.remove_strays().await.err());
        failures
    }

    /// Removes runtime folders and connections whose machine is gone.
    async fn remove_strays(&self) -> Result<()> {
        let entries = match fs::read_dir(&self.folders.runtime) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let Ok(name) = entry?.file_name().to_string_lossy().parse::<MachineName>() else { continue };
            let paths = self.folders.machine(ProviderKind::default_here(), &name);
            // Under the lock: another command may be making one of that name.
            let _lock = self.lock(&name, &paths).await?;
            if self.find(&name).is_ok() {
                continue;
            }
            // Somebody removed the folder by hand while it ran.
            for kind in ProviderKind::ALL {
                let provider = self.provider(kind);
                if provider.is_alive(&paths) {
                    provider.stop(&placeholder(&name, kind), &paths, Stop::Hard).await?;
                }
            }
            self.end_agent(&paths).await;
            self.unregister(&name)?;
            remove_whole(&paths.runtime)?;
        }
        for connection in self.connections.list()? {
            let destination = &connection.destination;
            if let Ok(name) = connection.name.parse::<MachineName>()
                && destination
                    .uri
                    .strip_prefix("unix://")
                    .is_some_and(|path| Path::new(path).starts_with(&self.folders.runtime))
                && self.find(&name).is_err()
            {
                self.unregister(&name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::MachineFolders;
    use crate::record::tests::sample;
    use cove_config::connections::{Connections, Destination};
    use cove_config::containers::ContainersConf;
    use cove_sys::lock::FileLock;

    fn machines(folder: &Path) -> Machines {
        Machines {
            folders: MachineFolders { data: folder.join("data"), runtime: folder.join("run") },
            image_folders: Vec::new(),
            connections: Connections::new(folder.join("connections.json"), &ContainersConf::default()),
            agent_command: Vec::new(),
        }
    }

    /// A machine that is off, with a disk and a connection.
    fn make(machines: &Machines, name: &str) -> MachineName {
        let name: MachineName = name.parse().unwrap();
        let paths = machines.folders.machine(ProviderKind::Qemu, &name);
        fs::create_dir_all(&paths.folder).unwrap();
        fs::create_dir_all(&paths.runtime).unwrap();
        fs::write(paths.folder.join("disk.qcow2"), name.as_str()).unwrap();
        let record = crate::MachineRecord { name: name.clone(), ..sample() };
        machines.save(&record, &paths).unwrap();
        machines.register(&name, &paths, false).unwrap();
        name
    }

    #[tokio::test]
    async fn all_machines_go_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let machines = machines(folder.path());
        for name in ["one", "two"] {
            make(&machines, name);
        }
        let qemu = machines.folders.provider(ProviderKind::Qemu);
        fs::write(qemu.join("two/machine.json"), "{").unwrap();
        for leftover in [".removed-three-1", ".init-four-2", ".init-alive-3"] {
            fs::create_dir(qemu.join(leftover)).unwrap();
        }
        let alive = FileLock::exclusive(&qemu.join(".init-alive-3/.lock")).unwrap();
        // What an interrupted removal leaves.
        fs::create_dir(machines.folders.runtime.join("five")).unwrap();
        let own = Destination {
            uri: format!("unix://{}/six/api.sock", machines.folders.runtime.display()),
            is_machine: true,
            ..Destination::default()
        };
        let other = Destination { uri: "unix:///run/other.sock".into(), ..Destination::default() };
        machines.connections.set("six", own, false).unwrap();
        machines.connections.set("other", other, true).unwrap();
        let kept = machines.remove(&"one".parse().unwrap(), false, true).await.unwrap().unwrap();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "one");

        assert!(machines.reset().await.is_empty());
        let left = |folder: &Path| {
            let mut names: Vec<String> = fs::read_dir(folder)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        };
        assert_eq!(left(&qemu), [".init-alive-3", ".init.lock"]);
        assert!(left(&machines.folders.runtime).is_empty() && !kept.exists());
        let connections: Vec<String> =
            machines.connections.list().unwrap().into_iter().map(|connection| connection.name).collect();
        assert_eq!(connections, ["other"]);
        drop(alive);
    }

    #[tokio::test]
    async fn kept_disks_do_not_replace_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let machines = machines(folder.path());
        let mut kept = Vec::new();
        for _ in 0..2 {
            let name = make(&machines, "dev");
            let condemned = machines.condemned(&name, true).unwrap();
            assert!(condemned.iter().any(|path| path.ends_with("dev/machine.json")));
            assert!(!condemned.iter().any(|path| path.ends_with("disk.qcow2")));
            kept.extend(machines.remove(&name, false, true).await.unwrap());
        }
        assert!(kept[0] != kept[1] && kept.iter().all(|path| path.is_file()));
        assert!(matches!(machines.condemned(&"dev".parse().unwrap(), false), Err(Error::NotFound { .. })));
    }

    #[tokio::test]
    async fn the_default_machine_is_a_connection() {
        let folder = tempfile::tempdir().unwrap();
        let machines = machines(folder.path());
        let other = Destination { uri: "unix:///run/other.sock".into(), ..Destination::default() };
        machines.connections.set("other", other.clone(), true).unwrap();
        let name = make(&machines, "dev");
        assert_eq!(machines.default_machine(), None);
        machines.set_default_machine(&name).unwrap();
        assert_eq!(machines.default_machine(), Some(name.clone()));
        // A connection of the user's keeps its name.
        machines.connections.set("dev", other, false).unwrap();
        machines.remove(&name, false, false).await.unwrap();
        assert!(machines.connections.get("dev").is_ok());
        assert!(machines.set_default_machine(&name).is_err());
    }
}
