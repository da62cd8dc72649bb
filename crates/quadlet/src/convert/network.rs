//! `.network`

use super::{Conversion, names};
use crate::command_line::CommandLine;
use crate::error::Result;

pub(super) fn convert(unit: &mut Conversion<'_>) -> Result<()> {
    let name = names::resource(unit.file, "Network", "NetworkName");
    if unit.boolean("NetworkDeleteOnStop")?.unwrap_or(false) {
        let mut remove = unit.command();
        remove.extend(["network", "rm", &name]);
        unit.set_command("ExecStopPost", &remove);
    }
    let mut command = unit.command();
    command.extend(["network", "create", "--ignore"]);
    unit.switches(
        &mut command,
        &[("DisableDNS", "--disable-dns"), ("Internal", "--internal"), ("IPv6", "--ipv6")],
    )?;
    unit.texts(
        &mut command,
        &[("Driver", "--driver"), ("IPAMDriver", "--ipam-driver"), ("InterfaceName", "--interface-name")],
    );
    unit.every(&mut command, &[("DNS", "--dns")]);
    add_subnets(unit, &mut command)?;
    unit.every_pair(&mut command, &[("Options", "--opt"), ("Label", "--label")]);
    unit.make(command, &name);
    Ok(())
}

/// Gateways and ranges belong to the subnets in whose order they stand.
fn add_subnets(unit: &Conversion<'_>, command: &mut CommandLine) -> Result<()> {
    let subnets = unit.all("Subnet");
    let gateways = unit.all("Gateway");
    let ranges = unit.all("IPRange");
    if subnets.is_empty() && !(gateways.is_empty() && ranges.is_empty()) {
        let key = if gateways.is_empty() { "IPRange" } else { "Gateway" };
        return Err(unit.fault(key, "cannot set gateway or range without subnet"));
    }
    if gateways.len() > subnets.len() {
        return Err(unit.fault("Gateway", "cannot set more gateways than subnets"));
    }
    if ranges.len() > subnets.len() {
        return Err(unit.fault("IPRange", "cannot set more ranges than subnets"));
    }
    for (index, subnet) in subnets.into_iter().enumerate() {
        command.option("--subnet", subnet);
        if let Some(gateway) = gateways.get(index) {
            command.option("--gateway", gateway);
        }
        if let Some(range) = ranges.get(index) {
            command.option("--ip-range", range);
        }
    }
    Ok(())
}
