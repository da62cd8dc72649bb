//! Secrets of containers. As with podman, one that becomes a file is copied when the container is made, and one that
//! becomes a variable is read at each start.

use std::path::PathBuf;

use cove_api::{ContainerSpec, Error, Result};
use cove_sys::fs;

use super::driver;
use super::table::{Row, Table, no_such_secret};
use crate::container::clean;
use crate::engine::Core;
use crate::state::{ContainerConfig, ContainerSecret};

/// Where secrets are in a container that says nothing else (podman-run(1), "--secret").
const FOLDER: &str = "/run/secrets";

/// Finds the secrets of a request, and notes them in the configuration.
pub(crate) fn resolve(core: &Core, spec: &ContainerSpec, config: &mut ContainerConfig) -> Result<()> {
    if spec.secrets.is_empty() && spec.secret_env.is_empty() {
        return Ok(());
    }
    let table = Table::open(core)?;
    for secret in &spec.secrets {
        let row = table.find(&secret.source)?;
        let target = if secret.target.is_empty() { &row.name } else { &secret.target };
        let target =
            if target.starts_with('/') { clean(target) } else { clean(&format!("{FOLDER}/{target}")) };
        config.secrets.push(ContainerSecret {
            name: row.name.clone(),
            id: row.id.clone(),
            target,
            uid: secret.uid,
            gid: secret.gid,
            mode: secret.mode & 0o7777,
        });
    }
    for (variable, source) in &spec.secret_env {
        config.secret_env.insert(variable.clone(), table.find(source)?.name.clone());
    }
    Ok(())
}

fn folder(core: &Core, container: &str) -> PathBuf {
    core.container_dir(container).join("secrets")
}

/// Copies the data of a container's files, so that it has them as long as it exists.
pub(crate) fn keep(core: &Core, container: &str, secrets: &[ContainerSecret]) -> Result<()> {
    if secrets.is_empty() {
        return Ok(());
    }
    let folder = folder(core, container);
    crate::state::make_private(&folder)?;
    let table = Table::open(core)?;
    for secret in secrets {
        let data = stored(core, table.find(&secret.id)?)?;
        cove_sys::atomic::write(&folder.join(&secret.id), &data, 0o600)?;
    }
    Ok(())
}

/// The data of a secret in a container; of the store where the copy is missing.
pub(crate) fn data_of(core: &Core, container: &str, name: &str, id: Option<&str>) -> Result<Vec<u8>> {
    if let Some(id) = id {
        match fs::read(folder(core, container).join(id)) {
            Ok(data) => return Ok(data),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let table = Table::open(core)?;
    stored(core, table.find(name)?)
}

/// The data of a row.
pub(super) fn stored(core: &Core, row: &Row) -> Result<Vec<u8>> {
    let data = driver::open(core, &row.driver, &row.driver_options)?.lookup(&row.id)?;
    data.ok_or_else(|| {
        let Error { kind, message, .. } = no_such_secret(&row.id);
        Error::new(kind, message)
    })
}
