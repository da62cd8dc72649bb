//! Where the result of a build goes.

use std::collections::HashMap;

use cove_api::endpoint::BuildParameters;
use cove_api::{Error, Result};
use cove_tree::{Root, Unpacking};
use futures_util::StreamExt as _;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::attributes::is_on;
use crate::messages::{Exporter, SolveRequest};
use crate::session::Session;
use crate::work::{Workshop, blocking};

/// Most names that an image gets.
const MAX_NAMES: usize = 100;

/// Where it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// Places of the client that get its files, by their numbers among all outputs.
    files: Vec<(usize, Form)>,
    /// It becomes an image that clients see, and not only what later builds use.
    is_image: bool,
    /// Names of the image.
    names: Vec<String>,
    /// Annotations of its manifest.
    annotations: Vec<(String, String)>,
    /// Its documents are OCI's.
    is_oci: bool,
}

/// In which form files go to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As a folder.
    Folder,
    /// As a tar.
    Tar,
}

impl Output {
    /// Reads where it is to go.
    ///
    /// # Errors
    /// It is to go where it cannot.
    pub(crate) fn of(request: &SolveRequest) -> Result<Self> {
        let mut output = Self::default();
        let old =
            Exporter { kind: request.exporter.clone(), attributes: request.exporter_attributes.clone() };
        // Newer clients say the same twice.
        let exporters = match (request.exporters.is_empty(), old.kind.is_empty()) {
            (true, true) => &[][..],
            (true, false) => std::slice::from_ref(&old),
            (false, _) => &request.exporters,
        };
        for (number, exporter) in exporters.iter().enumerate() {
            output.add(number, exporter)?;
        }
        Ok(output)
    }

    fn add(&mut self, number: usize, exporter: &Exporter) -> Result<()> {
        let kind = exporter.kind.as_str();
        let form = match kind {
            "local" => Some(Form::Folder),
            "tar" => Some(Form::Tar),
            _ => None,
        };
        if let Some(form) = form {
            self.files.push((number, form));
            // With one platform there is nothing to be split.
            let known = |key: &str| matches!(key, "dest" | "platform-split");
            return match exporter.attributes.iter().find(|(key, _)| !known(key)) {
                Some((key, value)) => Err(not_done(&format!("{key}={value} of the output type={kind}"))),
                None => Ok(()),
            };
        }
        if kind != "moby" {
            return Err(not_done(&format!("the output type={kind}")));
        }
        self.is_image = true;
        let mut sorted: Vec<_> = exporter.attributes.iter().collect();
        sorted.sort_unstable();
        for (key, value) in sorted {
            match key.as_str() {
                "name" => {
                    self.names.extend(value.split(',').filter(|name| !name.is_empty()).map(ToOwned::to_owned))
                }
                "oci-mediatypes" => self.is_oci = is_on(value),
                // A push is the client's own work with a builder that says of itself that it is part of the engine.
                "push"
                | "load"
                | "unpack"
                | "store"
                | "prefer-image-digest"
                | "name-canonical"
                | "dangling-name-prefix" => {}
                "compression" if value == "gzip" || value.is_empty() => {}
                key => {
                    match key.strip_prefix("annotation.").or_else(|| key.strip_prefix("annotation-manifest."))
                    {
                        Some(name) => self.annotations.push((name.to_owned(), value.clone())),
                        None => return Err(not_done(&format!("{key}={value} of the output type={kind}"))),
                    }
                }
            }
        }
        match self.names.len() > MAX_NAMES {
            true => Err(Error::invalid(format!("the image has more than {MAX_NAMES} names"))),
            false => Ok(()),
        }
    }

    /// Parameters of the build with what the output asks of it.
    ///
    /// # Errors
    /// None so far.
    pub(crate) fn applied(&self, mut parameters: BuildParameters) -> Result<BuildParameters> {
        if self.is_oci || !self.annotations.is_empty() {
            parameters.outputformat = "oci".into();
        }
        parameters.annotations.extend(self.annotations.iter().cloned());
        Ok(parameters)
    }

    /// Brings an image there and answers what the client is told of it.
    ///
    /// # Errors
    /// A name is none, or the engine or the client refuses.
    pub(crate) async fn export(
        &self,
        workshop: &Workshop,
        session: &str,
        id: &str,
    ) -> Result<HashMap<String, String>> {
        for (number, form) in &self.files {
            let session = workshop.sessions.find(session).await;
            let session = session.map_err(|status| Error::invalid(status.message()))?;
            match form {
                Form::Tar => {
                    session.send_file(*number, workshop.engine.images().root_files(id).await?).await?
                }
                Form::Folder => folder(workshop, &session, *number, id).await?,
            }
        }
        if !self.is_image {
            return Ok(HashMap::new());
        }
        for name in &self.names {
            workshop.engine.images().tag(id, name).await?;
        }
        let digest = format!("sha256:{}", id.trim_start_matches("sha256:"));
        let mut told = HashMap::from([
            ("containerimage.digest".to_owned(), digest.clone()),
            ("containerimage.config.digest".to_owned(), digest),
        ]);
        if !self.names.is_empty() {
            told.insert("image.name".to_owned(), self.names.join(","));
        }
        Ok(told)
    }

    /// What is told while it goes there.
    pub(crate) fn told(&self) -> Option<String> {
        match (self.is_image, self.names.as_slice()) {
            (false, _) if self.files.is_empty() => None,
            (false, _) => Some("exporting to client".to_owned()),
            (true, []) => Some("exporting to image".to_owned()),
            (true, names) => Some(format!("exporting to image {}", names.join(", "))),
        }
    }
}

/// Sends the files of an image as a folder. They are unpacked first, because what is sent is asked for in any order.
async fn folder(workshop: &Workshop, session: &Session, number: usize, id: &str) -> Result<()> {
    let mirrors = workshop.mirrors().await?;
    let mirror = blocking(move || mirrors.take(None)).await?;
    let archive =
        workshop.engine.images().root_files(id).await?.map(|piece| piece.map_err(std::io::Error::other));
    let reader = SyncIoBridge::new(StreamReader::new(archive));
    let path = mirror.folder("result")?;
    // The folder is held until nothing writes to it.
    let (root, path, mirror) = blocking(move || {
        let root = Root::open(&path)?;
        cove_tree::unpack(&root, &Unpacking::PLAIN, reader)?;
        Ok((root, path, mirror))
    })
    .await?;
    let sent = session.send_folder(number, root).await;
    blocking(move || {
        // No build finds it again.
        let _ = cove_sys::fs::remove_dir_all(&path);
        drop(mirror);
        Ok(())
    })
    .await?;
    sent
}

fn not_done(what: &str) -> Error {
    Error::unsupported(format!("{what} is not supported yet by the builder behind this service"))
}

#[cfg(test)]
mod tests {
    use cove_api::ErrorKind;

    use super::*;

    fn exporter(kind: &str, pairs: &[(&str, &str)]) -> Exporter {
        let attributes = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Exporter { kind: kind.into(), attributes: attributes.collect() }
    }

    #[test]
    fn exporters_are_read_in_both_forms() {
        let image = exporter("moby", &[("name", "a,b:1"), ("push", "true"), ("annotation.k", "v")]);
        let old = SolveRequest {
            exporter: image.kind.clone(),
            exporter_attributes: image.attributes.clone(),
            ..SolveRequest::default()
        };
        let new = SolveRequest { exporters: vec![image], ..old.clone() };
        let output = Output::of(&new).unwrap();
        assert_eq!(
            (&output, output.names.as_slice()),
            (&Output::of(&old).unwrap(), &["a".to_owned(), "b:1".into()][..])
        );
        let parameters = output.applied(BuildParameters::default()).unwrap();
        assert_eq!(parameters.annotations, [("k".to_owned(), "v".to_owned())]);
        assert_eq!(Output::of(&SolveRequest::default()).unwrap().told(), None);
    }

    #[test]
    fn what_is_not_done_is_refused_by_name() {
        for exporter in [exporter("registry", &[]), exporter("moby", &[("force-compression", "true")])] {
            let request = SolveRequest { exporters: vec![exporter], ..SolveRequest::default() };
            assert_eq!(Output::of(&request).unwrap_err().kind, ErrorKind::Unsupported);
        }
    }
}
