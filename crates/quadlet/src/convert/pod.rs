//! `.pod`

use super::{Conversion, SERVICE, UNIT, names};
use crate::command_line::CommandLine;
use crate::error::Result;

pub(super) fn convert(unit: &mut Conversion<'_>) -> Result<()> {
    let name = names::resource(unit.file, "Pod", "PodName");
    for container in unit.known().map(|known| known.started_with.clone()).unwrap_or_default() {
        unit.service.add(UNIT, "Wants", container.as_str());
        unit.service.add(UNIT, "Before", container);
    }
    unit.service.set_default(SERVICE, "SyslogIdentifier", "%N");

    let mut start = unit.command();
    start.extend(["pod", "start", &name]);
    unit.set_command("ExecStart", &start);
    let mut stop = unit.command();
    let time = format!("--time={}", unit.text("StopTimeout").unwrap_or("10"));
    stop.extend(["pod", "stop", "--ignore", &time, &name]);
    unit.set_command("ExecStop", &stop);
    let mut remove = unit.command();
    remove.extend(["pod", "rm", "--ignore", "--force", &name]);
    unit.set_command("ExecStopPost", &remove);
    let create = create(unit, &name)?;
    unit.set_command("ExecStartPre", &create);

    unit.service.add(SERVICE, "Environment", "PODMAN_SYSTEMD_UNIT=%n");
    unit.service.set(SERVICE, "Type", "forking");
    unit.service.set(SERVICE, "PIDFile", "%t/%N.pid");
    unit.service.set_default(SERVICE, "Restart", "on-failure");
    Ok(())
}

fn create(unit: &mut Conversion<'_>, name: &str) -> Result<CommandLine> {
    let mut command = unit.command();
    command.extend(["pod", "create", "--infra-conmon-pidfile=%t/%N.pid", "--replace"]);
    command.option("--exit-policy", unit.text("ExitPolicy").unwrap_or("stop"));
    unit.add_mappings(&mut command, true)?;
    unit.every(&mut command, &[("PublishPort", "--publish")]);
    unit.every_pair(&mut command, &[("Label", "--label")]);
    unit.add_networks(&mut command)?;
    unit.texts(&mut command, &[("IP", "--ip"), ("IP6", "--ip6"), ("ShmSize", "--shm-size")]);
    unit.every(
        &mut command,
        &[
            ("NetworkAlias", "--network-alias"),
            ("DNS", "--dns"),
            ("DNSOption", "--dns-option"),
            ("DNSSearch", "--dns-search"),
            ("AddHost", "--add-host"),
            ("HostName", "--hostname"),
        ],
    );
    unit.add_volumes(&mut command)?;
    command.option("--infra-name", format!("{name}-infra")).option("--name", name);
    unit.podman_args(&mut command);
    Ok(command)
}
