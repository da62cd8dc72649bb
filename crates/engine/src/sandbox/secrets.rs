//! Secrets as files: copies in the folder, which is in memory and goes with the run.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use cove_api::{Error, Mount, Result};
use rustix::fs::Mode;

use super::plan::{Plan, PlannedSecret};
use super::rootfs;
use super::subscriptions::Copied;

/// Where secrets are usually.
const FOLDER: &str = "/run/secrets";

/// Writes them and answers the mounts that bring them in, after those of `copies`. `/run/secrets` is one of these or a
/// folder of its own, so that nothing of it becomes part of the container's layer.
pub(super) fn write(plan: &Plan<'_>, copies: Vec<Copied>) -> Result<Vec<Mount>> {
    let of_host = copies.iter().find(|copy| copy.mount.destination == FOLDER && copy.path.is_dir());
    let usual = of_host.map(|copy| copy.path.clone());
    let mut mounts: Vec<Mount> = copies.into_iter().map(|copy| copy.mount).collect();
    if plan.secrets.is_empty() {
        return Ok(mounts);
    }
    let folder = plan.folder.join("secrets");
    crate::state::make_private(&folder)?;
    if plan.secrets.iter().any(|secret| secret.destination.starts_with(&format!("{FOLDER}/"))) {
        let is_ours = usual.is_none();
        let usual = usual.unwrap_or_else(|| plan.folder.join("run-secrets"));
        if is_ours {
            crate::state::make_private(&usual)?;
            rustix::fs::chmod(&usual, Mode::from_raw_mode(0o755))
                .map_err(|errno| named(&usual, errno.into()))?;
            mounts.push(bind(&usual, FOLDER));
        }
        for secret in &plan.secrets {
            make_place(&usual, &secret.destination)?;
        }
    }
    for (index, secret) in plan.secrets.iter().enumerate() {
        let path = folder.join(index.to_string());
        let owner = plan.config.userns.to_host(secret.uid, secret.gid)?;
        write_one(&path, secret, owner).map_err(|error| named(&path, error))?;
        mounts.push(bind(&path, &secret.destination));
    }
    // A mount of the user's at the same place wins.
    mounts.retain(|mount| !plan.is_mounted(&mount.destination));
    Ok(mounts)
}

/// Makes the file in the folder that a secret is mounted over: the container's root, who does not own the folder, could
/// not where users are mapped.
fn make_place(usual: &Path, destination: &str) -> Result<()> {
    let Some(below) = destination.strip_prefix(&format!("{FOLDER}/")) else { return Ok(()) };
    let below = Path::new(below);
    if below.components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
        return Ok(());
    }
    let mut path = usual.to_owned();
    for part in below.parent().into_iter().flat_map(Path::components) {
        path.push(part);
        match cove_sys::fs::create_dir(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        rustix::fs::chmod(&path, Mode::from_raw_mode(0o755)).map_err(|errno| named(&path, errno.into()))?;
    }
    let path = usual.join(below);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o444);
    options.open(&path).map(drop).map_err(|error| named(&path, error))
}

fn named(path: &Path, error: std::io::Error) -> Error {
    Error::from(error).context(path.display())
}

pub(super) fn bind(source: &Path, destination: &str) -> Mount {
    Mount {
        destination: destination.into(),
        kind: "bind".into(),
        source: source.to_string_lossy().into_owned(),
        options: vec!["bind".into(), "rprivate".into()],
    }
}

fn write_one(path: &Path, secret: &PlannedSecret, (uid, gid): (u32, u32)) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&secret.data.0)?;
    rustix::fs::fchown(&file, rootfs::owner(uid), rootfs::group(gid))?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(secret.mode))?;
    Ok(())
}
