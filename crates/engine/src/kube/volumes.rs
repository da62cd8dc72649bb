//! Volumes: those of claims, and those that hold the files of config maps and secrets.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{ByteStream, Error, Result, VolumeCreateOptions, VolumeRemoveOptions, Volumes};
use cove_archive::{Kind, Member, Writer};
use cove_kube::{Claim, Source};
use cove_sys::fs;

use crate::engine::{LocalEngine, blocking};

/// Makes the volume of a claim, and unpacks what the claim names.
pub(super) async fn make(engine: &LocalEngine, claim: &Claim) -> Result<()> {
    let Some(import) = claim.import.clone() else {
        return Volumes::create(engine, claim.options.clone()).await.map(drop);
    };
    // Opened before anything is made.
    let path = import.clone();
    let file = blocking(&engine.core, move |_| Ok(fs::File::open(&path)?)).await?;
    let existed = Volumes::exists(engine, &claim.options.name).await?;
    let name = Volumes::create(engine, claim.options.clone()).await?.name;
    let archive = crate::stream::pieces(move || Ok(file));
    if let Err(error) = Volumes::import(engine, &name, archive).await {
        if !existed {
            let removed = Volumes::remove(engine, &name, VolumeRemoveOptions::default()).await;
            if let Err(left) = removed {
                tracing::warn!("volume {name} is left: {left}");
            }
        }
        return Err(error.context(format!("importing {import}")));
    }
    Ok(())
}

/// Refuses what is no file to unpack: a pipe would be waited for without end.
pub(super) fn check_import(path: &str) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(Error::invalid(format!("importing {path}: it is no file"))),
        Err(error) => Err(Error::from(error).context(format!("importing {path}"))),
    }
}

/// Makes a volume of files and writes them, where a source is one.
pub(super) async fn fill(engine: &LocalEngine, source: &Source) -> Result<()> {
    let Source::Files { name, files, mode } = source else { return Ok(()) };
    let options =
        VolumeCreateOptions { name: name.clone(), ignore_if_exists: true, ..VolumeCreateOptions::default() };
    Volumes::create(engine, options).await?;
    let archive = archive(files, *mode).map_err(Error::from)?;
    let stream: ByteStream = Box::pin(futures_util::stream::iter([Ok(archive.into())]));
    Volumes::import(engine, name, stream).await
}

/// The files as a tar, with the folders that they need.
fn archive(files: &BTreeMap<String, Vec<u8>>, mode: u32) -> std::io::Result<Vec<u8>> {
    let mut tar = Writer::new(Vec::new());
    let mut folders = BTreeSet::new();
    for (path, data) in files {
        for (at, _) in path.match_indices('/') {
            if folders.insert(&path[..at]) {
                tar.member(&Member::new(Kind::Directory, format!("{}/", &path[..at]).as_bytes(), 0o755))?;
            }
        }
        let size = data.len() as u64;
        tar.member(&Member { size, ..Member::new(Kind::File, path.as_bytes(), mode) })?;
        tar.data(data)?;
        tar.pad(size)?;
    }
    tar.finish()
}
