//! `.kube`

use super::{Conversion, SERVICE};
use crate::error::{Error, Result};

pub(super) fn convert(unit: &mut Conversion<'_>) -> Result<()> {
    let files: Vec<String> = unit.list("Yaml").iter().map(|file| unit.absolute(file)).collect();
    if files.is_empty() {
        return Err(Error::invalid("no Yaml key specified"));
    }
    unit.set_kill_mode()?;
    unit.service.add(SERVICE, "Environment", "PODMAN_SYSTEMD_UNIT=%n");
    if unit.runs_on()? {
        unit.service.set(SERVICE, "Type", "notify");
        unit.service.set(SERVICE, "NotifyAccess", "all");
    }
    unit.service.set_default(SERVICE, "SyslogIdentifier", "%N");

    let mut play = unit.command();
    play.extend(["kube", "play", "--replace", "--service-container=true"]);
    if let Some(policy) = unit.text("ExitCodePropagation") {
        play.add(format!("--service-exit-code-propagation={policy}"));
    }
    unit.add_log(&mut play);
    unit.add_mappings(&mut play, false)?;
    unit.add_networks(&mut play)?;
    for update in unit.list("AutoUpdate") {
        // Of one container, or of all.
        let (of, policy) = match update.split_once('/') {
            Some((container, policy)) => (format!("/{container}"), policy),
            None => (String::new(), update.as_str()),
        };
        play.add(format!("--annotation=io.containers.autoupdate{of}={policy}"));
    }
    for map in unit.list("ConfigMap") {
        play.option("--configmap", unit.absolute(&map));
    }
    unit.every(&mut play, &[("PublishPort", "--publish")]);
    unit.podman_args(&mut play);
    play.extend(files.iter().map(String::as_str));
    unit.set_command("ExecStart", &play);

    // After every end, so that also what failed leaves nothing.
    let mut down = unit.command();
    down.extend(["kube", "down"]);
    unit.switches(&mut down, &[("KubeDownForce", "--force")])?;
    down.extend(files.iter().map(String::as_str));
    unit.set_command("ExecStopPost", &down);
    unit.set_working_directory()?;
    Ok(())
}
