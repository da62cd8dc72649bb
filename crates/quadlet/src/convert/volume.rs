//! `.volume`

use super::{Conversion, UNIT, names};
use crate::command_line::CommandLine;
use crate::error::{Error, Result};
use crate::{ids, words};

pub(super) fn convert(unit: &mut Conversion<'_>) -> Result<()> {
    let name = names::resource(unit.file, "Volume", "VolumeName");
    let mut command = unit.command();
    command.extend(["volume", "create", "--ignore"]);
    unit.texts(&mut command, &[("UID", "--uid"), ("GID", "--gid"), ("Driver", "--driver")]);
    if unit.text("Driver") == Some("image") {
        let image = unit
            .text("Image")
            .ok_or_else(|| Error::invalid("the key Image is mandatory when using the image driver"))?
            .to_owned();
        let image = unit.image(&image)?;
        command.option("--opt", format!("image={image}"));
    } else {
        add_mount(unit, &mut command)?;
    }
    unit.every_pair(&mut command, &[("Label", "--label")]);
    unit.make(command, &name);
    Ok(())
}

/// What the volume mounts, and how.
fn add_mount(unit: &mut Conversion<'_>, command: &mut CommandLine) -> Result<()> {
    if let Some(copies) = unit.boolean("Copy")? {
        command.option("--opt", if copies { "copy" } else { "nocopy" });
    }
    let device = unit.text("Device").map(str::to_owned);
    if let Some(device) = &device {
        command.option("--opt", format!("device={device}"));
    }
    if let Some(kind) = unit.text("Type") {
        let Some(device) = device else {
            return Err(unit.fault("Type", "key Type can't be used without Device"));
        };
        command.option("--opt", format!("type={kind}"));
        if kind == "bind" {
            unit.service.add(UNIT, "RequiresMountsFor", words::quoted(&device));
        }
    }
    let mut options = Vec::new();
    if let Some(user) = unit.text("User") {
        let id = ids::user(user).ok_or_else(|| unit.fault("User", format!("there is no user {user}")))?;
        options.push(format!("uid={id}"));
    }
    if let Some(group) = unit.text("Group") {
        let id =
            ids::group(group).ok_or_else(|| unit.fault("Group", format!("there is no group {group}")))?;
        options.push(format!("gid={id}"));
    }
    options.extend(unit.text("Options").map(str::to_owned));
    if !options.is_empty() {
        command.option("--opt", format!("o={}", options.join(",")));
    }
    Ok(())
}
