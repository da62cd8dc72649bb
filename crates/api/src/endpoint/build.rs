//! `/build`.

mod parameters;
#[cfg(test)]
mod parameters_tests;
mod values;

use futures_util::StreamExt as _;

use super::auth::{Access, RegistryConfig};
use super::body::Archive;
use super::declare::{Endpoint, post};
use super::image::no_keys;
use super::parameters::Both;
use super::progress::Steps;
use super::remote::{Remote, Transport};
use super::serve::{Call, Routes};
use crate::{BuildContext, BuildOptions, BuildReport, Error, Progress, RegistryAccess, Result, ValueStream};
use values::written_context;

pub use parameters::BuildParameters;

/// How registries are reached: by credentials for one, or for several.
type Registries = Both<Access, RegistryConfig>;

const BUILD: Endpoint<(), Both<BuildParameters, Registries>, Archive, Steps<BuildReport>> =
    post("/build", "Build an image of a build file and its context, a tar");

pub(super) fn serve(routes: &mut impl Routes) {
    routes.add(BUILD, |engine, call| async move {
        let Call { parameters: Both(parameters, Both(access, RegistryConfig(registries))), body, .. } = call;
        let context = parameters.context(body.0)?;
        let mut access = RegistryAccess::from(access);
        access.registries.extend(registries);
        let options = BuildOptions { access, ..parameters.options()? };
        let progress = engine.images().build(context, options).await?;
        Ok(Steps { progress, with_blobs: false, with_text: true })
    });
}

/// Has a service build.
pub(super) async fn build<T: Transport + 'static>(
    remote: &Remote<T>,
    context: BuildContext,
    options: BuildOptions,
) -> Result<ValueStream<Progress<BuildReport>>> {
    if !context.agents.is_empty() {
        return Err(Error::unsupported(
            "--ssh is not supported over a service: its agent is on this machine",
        ));
    }
    if context.stdin.is_some() {
        return Err(Error::unsupported(
            "--stdin is not supported over a service: its commands run elsewhere",
        ));
    }
    if options.sbom.is_some() {
        return Err(Error::unsupported(
            "a bill of materials (--sbom) is not supported over a service: build it where the engine runs",
        ));
    }
    if !options.decryption_keys.is_empty() {
        return Err(no_keys("decrypting (--decryption-key)"));
    }
    let mut parameters = BuildParameters::from(&options);
    parameters.remote = context.remote;
    // All of these are in the archive as well, by the places they have here.
    let secrets = context.secrets.iter().enumerate();
    parameters.secrets = secrets
        .map(|(place, one)| format!("id={},src={}", one.id, BuildContext::packed_secret(place)))
        .collect();
    let others = context.others.iter().enumerate();
    parameters.additionalbuildcontexts =
        others.map(|(place, (name, other))| format!("{name}={}", written_context(place, other))).collect();
    let Both(access, mut auth) = remote.access(&options.access).await?;
    let registries = RegistryConfig(std::mem::take(&mut auth.several));
    let parameters = Both(parameters, Both(Both(access, auth), registries));
    let steps = remote.call(BUILD, (), parameters, Archive(context.archive)).await?;
    let given_up = context.given_up;
    Ok(Box::pin(steps.progress.take_until(async move { given_up.cancelled().await })))
}
