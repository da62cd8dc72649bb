//! Files whose text is in the project, brought into a container before it starts.

use cove_api::{CopyToOptions, Engine, Error, Result};
use cove_archive::{Kind, Member, Writer};
use futures_util::{StreamExt as _, stream};

use crate::plan::Copied;

pub(super) async fn copy(engine: &dyn Engine, container: &str, files: &[Copied]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let archive =
        archive(files).map_err(|error| Error::invalid(format!("container {container}: {error}")))?;
    let options = CopyToOptions {
        path: "/".to_owned(),
        chown: false,
        rename: std::collections::BTreeMap::new(),
        no_overwrite: false,
    };
    let archive = stream::once(async { Ok(archive.into()) }).boxed();
    engine.files().copy_to(container, options, archive).await
}

fn archive(files: &[Copied]) -> std::io::Result<Vec<u8>> {
    let mut tar = Writer::new(Vec::new());
    for file in files {
        let name = file.target.trim_start_matches('/').as_bytes();
        let size = file.text.len() as u64;
        tar.member(&Member {
            uid: file.uid,
            gid: file.gid,
            size,
            ..Member::new(Kind::File, name, file.mode)
        })?;
        tar.data(file.text.as_bytes())?;
        tar.pad(size)?;
    }
    tar.finish()
}
