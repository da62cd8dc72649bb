//! All groups together.

use cove_api::ContainerSpec;
use cove_config::env;

use super::around::Surroundings;
use super::block::BlockArgs;
use super::files::FileArgs;
use super::health::HealthArgs;
use super::identity::IdentityArgs;
use super::image::ImageArgs;
use super::lifecycle::LifecycleArgs;
use super::logging::LogArgs;
use super::namespaces::NamespaceArgs;
use super::network::{ExposeArgs, NetworkArgs};
use super::pod::PodArgs;
use super::process::ProcessArgs;
use super::resources::{LimitArgs, ResourceArgs};
use super::secrets::SecretArgs;
use super::security::SecurityArgs;
use crate::command_error::CommandError;

// What a container is to be.
#[derive(Debug, Clone, Default, clap::Args)]
#[allow(missing_docs, reason = "the groups say what they are")]
pub(crate) struct SpecArgs {
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) pod: PodArgs,
    #[command(flatten)]
    pub(crate) lifecycle: LifecycleArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) health: HealthArgs,
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    #[command(flatten)]
    pub(crate) process: ProcessArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) expose: ExposeArgs,
    #[command(flatten)]
    pub(crate) security: SecurityArgs,
    #[command(flatten)]
    pub(crate) namespaces: NamespaceArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
    #[command(flatten)]
    pub(crate) block: BlockArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

impl SpecArgs {
    /// The options that were given and are not of the container but of the command that makes it.
    #[cfg(target_os = "linux")]
    pub(crate) fn outside(&self) -> Vec<&'static str> {
        let IdentityArgs {
            name: _,
            replace,
            label: _,
            label_file: _,
            annotation: _,
            cidfile,
            pidfile: _,
            conmon_pidfile: _,
            requires: _,
        } = &self.identity;
        // The policy of the pull is told apart; the others are in the specification.
        let ImageArgs {
            pull: _,
            quiet,
            rootfs: _,
            image_volume: _,
            disable_content_trust: _, // without effect
            platform: _,
            registry,
            decryption,
            trust,
        } = &self.image;
        [
            ("--replace", *replace),
            ("--cidfile", cidfile.is_some()),
            ("--quiet", *quiet),
            ("--authfile, --cert-dir, --creds, --tls-verify, --retry or --retry-delay", registry.is_given()),
            ("--decryption-key", decryption.is_given()),
            ("--signature-policy", trust.signature_policy.is_some()),
        ]
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| name)
        .collect()
    }

    /// The specification of a container of `image` that runs `command`.
    ///
    /// # Errors
    /// An option's value is wrong, or a file that it names cannot be read.
    pub(crate) fn build(
        &self,
        image: &str,
        command: &[String],
        around: &Surroundings<'_>,
    ) -> Result<ContainerSpec, CommandError> {
        let mut spec = ContainerSpec {
            command: command.to_vec(),
            create_command: around.command_line.to_vec(),
            ..Default::default()
        };
        self.image.apply(image, &mut spec)?;
        self.identity.apply(&mut spec)?;
        // A service of Quadlet says whose container it is.
        if let Some(unit) = around.environment.get(env::PODMAN_SYSTEMD_UNIT) {
            spec.labels.insert(env::PODMAN_SYSTEMD_UNIT.to_owned(), unit.to_owned());
        }
        self.pod.apply(&mut spec)?;
        self.lifecycle.apply(&mut spec)?;
        self.log.apply(&mut spec)?;
        self.health.apply(&mut spec)?;
        self.process.apply(around, &mut spec)?;
        self.files.apply(around, &mut spec)?;
        self.secrets.apply(&mut spec)?;
        self.network.apply(around, &mut spec)?;
        self.expose.apply(&mut spec)?;
        self.security.apply(&mut spec)?;
        self.namespaces.apply(around, &mut spec)?;
        self.resources.apply(&mut spec)?;
        self.block.apply(&mut spec)?;
        self.limits.apply(&mut spec)?;
        Ok(spec)
    }
}
