//! The program that runs as a container's first process and reaps the others.

use std::path::PathBuf;

use cove_api::{ContainerSpec, Error, ErrorKind, Result};

use crate::parts::Parts;

/// The init program, where the request or containers.conf(5) wants one.
pub(super) fn program(parts: &Parts, spec: &ContainerSpec) -> Result<Option<PathBuf>> {
    let conf = &parts.options.containers;
    if spec.init.or(conf.containers.init) != Some(true) {
        return Ok(None);
    }
    let named = [
        Some(spec.init_path.as_str()),
        conf.containers.init_path.as_deref(),
        conf.engine.init_path.as_deref(),
    ];
    match named.into_iter().flatten().find(|path| !path.is_empty()) {
        Some(path) => Ok(Some(path.into())),
        None => parts.helper("catatonit").map(Some).map_err(|_| {
            Error::new(
                ErrorKind::Unavailable,
                "--init needs the program catatonit: install the package catatonit, or name another init with --init-path",
            )
        }),
    }
}
