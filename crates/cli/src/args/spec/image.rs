//! Which image, and how to come by it.

use cove_api::ContainerSpec;

use super::around::absolute;
use crate::args::registry::RegistryArgs;
use crate::args::signing::{DecryptionArgs, PolicyArgs};
use crate::command_error::CommandError;
use crate::commands::image::pull::PlatformArgs;

// The image and the way to it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ImageArgs {
    /// When to ask the registry for the image: always, missing, newer, never
    #[arg(long, value_name = "POLICY", help_heading = "Image")]
    pub(crate) pull: Option<String>,
    /// No progress of a pull
    #[arg(long, short, help_heading = "Image")]
    pub(crate) quiet: bool,
    /// The first argument is a folder with a root file system instead of an image
    #[arg(long, help_heading = "Image")]
    pub(crate) rootfs: bool,
    /// What becomes of the volumes that the image declares: anonymous, tmpfs, ignore
    #[arg(long, value_name = "MODE", help_heading = "Image")]
    pub(crate) image_volume: Option<String>,
    /// Accepted for scripts written for Docker, and without effect
    #[arg(long, help_heading = "Image")]
    pub(crate) disable_content_trust: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) decryption: DecryptionArgs,
    #[command(flatten)]
    pub(crate) trust: PolicyArgs,
}

impl ImageArgs {
    /// Puts `image` and the choices into the specification.
    ///
    /// # Errors
    /// A value is wrong.
    pub(crate) fn apply(&self, image: &str, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        if self.rootfs {
            let (path, option) = image.rsplit_once(':').unwrap_or((image, ""));
            match option {
                "" => {}
                "O" => spec.rootfs_overlay = Some(true),
                option if option == "idmap" || option.starts_with("idmap=") => {
                    option.clone_into(&mut spec.rootfs_mapping);
                }
                _ => {
                    return Err(CommandError::other(format!(
                        "unknown option {option:?} for the rootfs {path}"
                    )));
                }
            }
            spec.rootfs = absolute(path)?;
        } else {
            image.clone_into(&mut spec.image);
            image.clone_into(&mut spec.raw_image_name);
        }
        let [os, arch, variant] = self.platform.parts()?;
        spec.image_os = os.unwrap_or_default();
        spec.image_arch = arch.unwrap_or_default();
        spec.image_variant = variant.unwrap_or_default();
        spec.image_volume_mode = match self.image_volume.as_deref() {
            None => String::new(),
            Some("bind") => "anonymous".into(),
            Some(mode @ ("anonymous" | "tmpfs" | "ignore")) => mode.into(),
            Some(mode) => {
                return Err(CommandError::other(format!(
                    "invalid image-volume type {mode:?}. Pick one of bind, tmpfs, or ignore"
                )));
            }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn images_and_platforms() {
        let mut spec = ContainerSpec::default();
        parsed::<ImageArgs>("--platform linux/arm64/v8 --image-volume bind")
            .apply("alpine", &mut spec)
            .unwrap();
        assert_eq!((spec.image.as_str(), spec.raw_image_name.as_str()), ("alpine", "alpine"));
        assert_eq!(
            (spec.image_os.as_str(), spec.image_arch.as_str(), spec.image_variant.as_str()),
            ("linux", "arm64", "v8")
        );
        assert_eq!(spec.image_volume_mode, "anonymous");
        let mut spec = ContainerSpec::default();
        parsed::<ImageArgs>("--rootfs").apply("/srv", &mut spec).unwrap();
        assert_eq!((spec.image.as_str(), spec.rootfs.as_str()), ("", "/srv"));
        parsed::<ImageArgs>("--rootfs").apply("/srv:O", &mut spec).unwrap();
        assert_eq!((spec.rootfs.as_str(), spec.rootfs_overlay), ("/srv", Some(true)));
        assert!(parsed::<ImageArgs>("--rootfs").apply("/srv:X", &mut spec).is_err());
        assert!(parsed::<ImageArgs>("--image-volume x").apply("a", &mut spec).is_err());
    }
}
