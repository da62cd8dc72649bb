//! `cove volume create`

use cove_api::VolumeCreateOptions;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make a volume
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name; a random one where none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Driver: local, or image for a writable layer over an image
    #[arg(long, short, value_name = "DRIVER", default_value = "local")]
    driver: String,
    /// Label, KEY=VALUE
    #[arg(long, short, value_name = "LABEL")]
    label: Vec<String>,
    /// Option of the driver, KEY=VALUE: type, device, o, copy and nocopy of local; image of image
    #[arg(long, short, value_name = "OPTION")]
    opt: Vec<String>,
    /// User who owns it
    #[arg(long, value_name = "UID")]
    uid: Option<u32>,
    /// Group that owns it
    #[arg(long, value_name = "GID")]
    gid: Option<u32>,
    /// A volume of that name is no error
    #[arg(long)]
    ignore: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let volume = context.engine().await?.volumes().create(described(args)?).await?;
    context.printer.line(&volume.name)?;
    Ok(0)
}

/// The volume that is asked for.
///
/// # Errors
/// A value is wrong.
pub(crate) fn described(args: Args) -> Result<VolumeCreateOptions, CommandError> {
    at_most(&args.names, 1)?;
    let name = args.names.first().cloned().unwrap_or_default();
    if !name.is_empty() {
        cove_spec::name::volume(&name)?;
    }
    Ok(VolumeCreateOptions {
        name,
        driver: args.driver,
        labels: cove_spec::environment::labels(args.label.iter().map(String::as_str))?,
        options: cove_spec::environment::options(args.opt.iter().map(String::as_str), "option")?,
        uid: args.uid,
        gid: args.gid,
        ignore_if_exists: args.ignore,
    })
}
