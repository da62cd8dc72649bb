//! Applying a text to a cluster, whose kubeconfig is a file of this host.

use std::path::PathBuf;

use cove_api::{Error, KubeApplyOptions, Result};
use cove_cluster::{Access, ApplyOptions, Authority, Choice, Cluster, Objects};

use crate::engine::{LocalEngine, blocking};

pub(super) async fn apply(engine: &LocalEngine, text: &[u8], options: KubeApplyOptions) -> Result<()> {
    let text = std::str::from_utf8(text).map_err(|_| Error::invalid("the YAML is no text"))?;
    let objects = Objects::parse(text)?;
    if options.kubeconfig.is_empty() {
        return Err(Error::invalid(
            "kubeconfig not given, unable to connect to cluster: name one of this host by the parameter kubeconfig",
        ));
    }
    let authority = match options.ca_cert_file.as_str() {
        "" => None,
        word if word.eq_ignore_ascii_case("insecure") => Some(Authority::Insecure),
        path => Some(Authority::File(PathBuf::from(path))),
    };
    let choice = Choice { files: vec![PathBuf::from(options.kubeconfig)], context: None, authority };
    let access = blocking(&engine.core, move |_| Ok(Access::read(&choice)?)).await?;
    let options = ApplyOptions {
        namespace: Some(options.namespace).filter(|namespace| !namespace.is_empty()),
        ..ApplyOptions::default()
    };
    let mut tell = |applied: &cove_cluster::Applied| tracing::debug!("applied {applied}");
    Cluster::new(access).apply(&objects, &options, &mut tell).await?;
    Ok(())
}
