//! What an image is built for.

use super::args::Args;
use crate::command_error::CommandError;

// Platforms of a build.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PlatformArgs {
    /// Platform that the image is for, OS/ARCH[/VARIANT]; what comes of several is a list
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    platform: Vec<String>,
    /// Build for every platform that the base images have
    #[arg(long)]
    all_platforms: bool,
    /// Architecture that the image is for, in place of this machine's
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    arch: Vec<String>,
    /// Operating system that the image is for, in place of this machine's
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Variant of the architecture
    #[arg(long, value_name = "VARIANT")]
    variant: Option<String>,
    /// Version of the operating system that the image says
    #[arg(long, value_name = "VERSION")]
    os_version: Option<String>,
    /// What the image says that the operating system must have; with a trailing "-" it does not
    #[arg(long, value_name = "FEATURE")]
    os_feature: Vec<String>,
    /// List that the image is added to; it is made where there is none
    #[arg(long, value_name = "NAME")]
    manifest: Option<String>,
}

/// What they come to.
pub(super) struct Platforms {
    pub(super) platforms: Vec<String>,
    pub(super) all_platforms: bool,
    pub(super) manifest: String,
    pub(super) os_version: String,
    pub(super) os_features: Vec<String>,
}

/// Reads them.
pub(super) fn platforms(args: &Args) -> Result<Platforms, CommandError> {
    let given = args.platform.clone();
    let parts = !given.arch.is_empty() || given.os.is_some();
    if !given.platform.is_empty() && parts {
        return Err(CommandError::other("--platform option can not be specified with --arch or --os"));
    }
    if given.all_platforms && (parts || given.variant.is_some() || !given.platform.is_empty()) {
        return Err(CommandError::other(
            "--all-platforms can not be specified with --platform, --arch or --os",
        ));
    }
    let host = cove_registry::Platform::host();
    let mut platforms = given.platform;
    if platforms.is_empty() && (parts || given.variant.is_some()) {
        let os = given.os.unwrap_or(host.os);
        let all = if given.arch.is_empty() { vec![host.architecture] } else { given.arch };
        platforms = all.iter().map(|arch| format!("{os}/{arch}")).collect();
    }
    if let Some(variant) = &given.variant {
        let without = |platform: &String| platform.split('/').count() < 3;
        for platform in platforms.iter_mut().filter(|platform| without(platform)) {
            *platform = format!("{platform}/{variant}");
        }
    }
    // As a platform that is not said stands for this machine's, so does "local".
    let local = || format!("linux/{}", cove_registry::Platform::host().architecture);
    platforms.iter_mut().filter(|platform| *platform == "local").for_each(|platform| *platform = local());
    Ok(Platforms {
        platforms,
        all_platforms: given.all_platforms,
        manifest: given.manifest.unwrap_or_default(),
        os_version: given.os_version.unwrap_or_default(),
        os_features: given.os_feature,
    })
}
