//! `.container`

use super::{Conversion, SERVICE, UNIT, names};
use crate::command_line::CommandLine;
use crate::error::{Error, Result};
use crate::kind::Kind;

pub(super) fn convert(unit: &mut Conversion<'_>) -> Result<()> {
    let (image, rootfs) = (unit.text("Image").map(str::to_owned), unit.text("Rootfs").map(str::to_owned));
    if image.is_none() && rootfs.is_none() {
        return Err(Error::invalid("no Image or Rootfs key specified"));
    }
    if image.is_some() && rootfs.is_some() {
        return Err(unit.fault("Rootfs", "the Image And Rootfs keys conflict can not be specified together"));
    }
    let image = image.map(|image| unit.image(&image)).transpose()?;
    let name = names::container(unit.file);

    unit.service.add(SERVICE, "Environment", "PODMAN_SYSTEMD_UNIT=%n");
    unit.set_kill_mode()?;
    let mut remove = unit.command();
    remove.extend(["rm", "-v", "-f", "-i", &name]);
    unit.set_command("ExecStop", &remove);
    // Where the main process was killed, only this is run.
    unit.service.add(SERVICE, "ExecStopPost", remove.render_optional());
    set_reload(unit, &name)?;

    let mut run = unit.command();
    run.add("run").option("--name", name).add("--replace").add("--rm");
    unit.add_log(&mut run);
    unit.service.add(SERVICE, "Delegate", "yes");
    match unit.text("CgroupsMode") {
        Some(mode) => run.option("--cgroups", mode),
        None => run.add("--cgroups=split"),
    };
    // An empty one takes the image's away.
    if let Some(entrypoint) = unit.file.last("Container", "Entrypoint") {
        run.add(format!("--entrypoint={}", entrypoint.text()));
    }
    add_plain(unit, &mut run)?;
    unit.add_networks(&mut run)?;
    set_type(unit, &mut run)?;
    unit.service.set_default(SERVICE, "SyslogIdentifier", "%N");
    add_security(unit, &mut run)?;
    add_devices(unit, &mut run);
    add_rights(unit, &mut run)?;
    add_user(unit, &mut run)?;
    unit.add_mappings(&mut run, true)?;
    unit.add_volumes(&mut run)?;
    if let Some(policy) = unit.text("AutoUpdate") {
        run.option("--label", format!("io.containers.autoupdate={policy}"));
    }
    add_ports(unit, &mut run)?;
    unit.every_pair(
        &mut run,
        &[("Environment", "--env"), ("Label", "--label"), ("Annotation", "--annotation")],
    );
    for (key, option) in [("Mask", "mask"), ("Unmask", "unmask")] {
        for path in unit.command_words(key) {
            run.option("--security-opt", format!("{option}={path}"));
        }
    }
    for file in unit.command_words("EnvironmentFile") {
        run.option("--env-file", unit.absolute(&file));
    }
    for secret in unit.command_words("Secret") {
        run.option("--secret", secret);
    }
    for mount in unit.command_words("Mount") {
        let mount = unit.mount(&mount)?;
        run.option("--mount", mount);
    }
    add_health(unit, &mut run);
    add_pod(unit, &mut run)?;
    unit.podman_args(&mut run);
    match (image, rootfs) {
        (Some(image), _) => run.add(image),
        (None, rootfs) => run.option("--rootfs", rootfs.unwrap_or_default()),
    };
    for word in unit.last_command("Exec").unwrap_or_default() {
        run.add(word);
    }
    unit.set_command("ExecStart", &run);
    Ok(())
}

/// `ExecReload=` by a command in the container or a signal to it.
fn set_reload(unit: &mut Conversion<'_>, name: &str) -> Result<()> {
    let signal = unit.text("ReloadSignal").map(str::to_owned);
    let words = unit.last_command("ReloadCmd").filter(|words| !words.is_empty());
    let mut command = unit.command();
    match (words, signal) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => {
            let message = "ReloadCmd and ReloadSignal are mutually exclusive but both are set";
            return Err(unit.fault("ReloadSignal", message));
        }
        (Some(words), None) => {
            command.extend(["exec", name]).extend(words.iter().map(String::as_str));
        }
        (None, Some(signal)) => {
            command.extend(["kill", "--signal", &signal, name]);
        }
    }
    unit.set_command("ExecReload", &command);
    Ok(())
}

/// Options that only pass on what their keys say.
fn add_plain(unit: &Conversion<'_>, run: &mut CommandLine) -> Result<()> {
    unit.texts(
        run,
        &[
            ("Timezone", "--tz"),
            ("PidsLimit", "--pids-limit"),
            ("ShmSize", "--shm-size"),
            ("WorkingDir", "--workdir"),
            ("IP", "--ip"),
            ("IP6", "--ip6"),
            ("HostName", "--hostname"),
            ("StopSignal", "--stop-signal"),
            ("StopTimeout", "--stop-timeout"),
            ("Pull", "--pull"),
            ("Memory", "--memory"),
            ("Retry", "--retry"),
            ("RetryDelay", "--retry-delay"),
        ],
    );
    unit.every(
        run,
        &[
            ("NetworkAlias", "--network-alias"),
            ("Ulimit", "--ulimit"),
            ("DNS", "--dns"),
            ("DNSOption", "--dns-option"),
            ("DNSSearch", "--dns-search"),
            ("GroupAdd", "--group-add"),
            ("AddHost", "--add-host"),
            ("Tmpfs", "--tmpfs"),
        ],
    );
    unit.switches(
        run,
        &[
            ("RunInit", "--init"),
            ("EnvironmentHost", "--env-host"),
            ("HttpProxy", "--http-proxy"),
            ("ReadOnlyTmpfs", "--read-only-tmpfs"),
        ],
    )
}

/// When systemd takes the service as started.
fn set_type(unit: &mut Conversion<'_>, run: &mut CommandLine) -> Result<()> {
    if !unit.runs_on()? {
        return Ok(());
    }
    let is_healthy = unit.text("Notify").is_some_and(|text| text.eq_ignore_ascii_case("healthy"));
    let notify = if is_healthy {
        "healthy"
    } else if unit.boolean("Notify")?.unwrap_or(false) {
        "container"
    } else {
        "conmon"
    };
    run.add(format!("--sdnotify={notify}"));
    unit.service.set(SERVICE, "Type", "notify");
    unit.service.set(SERVICE, "NotifyAccess", "all");
    run.add("-d");
    Ok(())
}

fn add_security(unit: &Conversion<'_>, run: &mut CommandLine) -> Result<()> {
    if unit.boolean("NoNewPrivileges")?.unwrap_or(false) {
        run.add("--security-opt=no-new-privileges");
    }
    for (key, label) in [("SecurityLabelDisable", "disable"), ("SecurityLabelNested", "nested")] {
        if unit.boolean(key)?.unwrap_or(false) {
            run.option("--security-opt", format!("label={label}"));
        }
    }
    let options = [
        ("SecurityLabelType", "label=type:"),
        ("SecurityLabelFileType", "label=filetype:"),
        ("SecurityLabelLevel", "label=level:"),
        ("AppArmor", "apparmor="),
        ("SeccompProfile", "seccomp="),
    ];
    for (key, option) in options {
        if let Some(text) = unit.text(key) {
            run.option("--security-opt", format!("{option}{text}"));
        }
    }
    Ok(())
}

/// Devices; one after a minus is left out where it is not there.
fn add_devices(unit: &mut Conversion<'_>, run: &mut CommandLine) {
    for device in unit.list("AddDevice") {
        let device = match device.strip_prefix('-') {
            None => device.as_str(),
            Some(device) => {
                let path = device.split(':').next().unwrap_or_default();
                if !std::path::Path::new(path).exists() {
                    continue;
                }
                device
            }
        };
        run.option("--device", device);
    }
}

fn add_rights(unit: &mut Conversion<'_>, run: &mut CommandLine) -> Result<()> {
    for capability in unit.list("DropCapability") {
        run.option("--cap-drop", capability.to_lowercase());
    }
    for capability in unit.list("AddCapability") {
        run.option("--cap-add", capability.to_lowercase());
    }
    for setting in unit.list("Sysctl") {
        run.option("--sysctl", setting);
    }
    let read_only = unit.boolean("ReadOnly")?;
    if let Some(read_only) = read_only {
        run.switch("--read-only", read_only);
    }
    if unit.boolean("VolatileTmp")?.unwrap_or(false) && read_only != Some(true) {
        run.option("--tmpfs", "/tmp:rw,size=512M,mode=1777");
    }
    Ok(())
}

fn add_user(unit: &Conversion<'_>, run: &mut CommandLine) -> Result<()> {
    match (unit.text("User"), unit.text("Group")) {
        (None, None) => {}
        (None, Some(_)) => return Err(unit.fault("Group", "invalid Group set without User")),
        (Some(user), None) => {
            run.option("--user", user);
        }
        (Some(user), Some(group)) => {
            run.option("--user", format!("{user}:{group}"));
        }
    }
    Ok(())
}

fn add_ports(unit: &Conversion<'_>, run: &mut CommandLine) -> Result<()> {
    for port in unit.all("ExposeHostPort") {
        let port = port.trim();
        if !is_port_range(port) {
            return Err(unit.fault("ExposeHostPort", format!("invalid port format '{port}'")));
        }
        run.option("--expose", port);
    }
    unit.every(run, &[("PublishPort", "--publish")]);
    Ok(())
}

fn is_port_range(text: &str) -> bool {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    is_port(first) && is_port(last) && ["tcp", "udp", "sctp"].contains(&protocol)
}

fn add_health(unit: &Conversion<'_>, run: &mut CommandLine) {
    unit.texts(
        run,
        &[
            ("HealthCmd", "--health-cmd"),
            ("HealthInterval", "--health-interval"),
            ("HealthOnFailure", "--health-on-failure"),
            ("HealthLogDestination", "--health-log-destination"),
            ("HealthMaxLogCount", "--health-max-log-count"),
            ("HealthMaxLogSize", "--health-max-log-size"),
            ("HealthRetries", "--health-retries"),
            ("HealthStartPeriod", "--health-start-period"),
            ("HealthTimeout", "--health-timeout"),
            ("HealthStartupCmd", "--health-startup-cmd"),
            ("HealthStartupInterval", "--health-startup-interval"),
            ("HealthStartupRetries", "--health-startup-retries"),
            ("HealthStartupSuccess", "--health-startup-success"),
            ("HealthStartupTimeout", "--health-startup-timeout"),
        ],
    );
}

/// Joins the pod of another unit, which then starts this one with it.
fn add_pod(unit: &mut Conversion<'_>, run: &mut CommandLine) -> Result<()> {
    let Some(pod) = unit.text("Pod").map(str::to_owned) else { return Ok(()) };
    if Kind::of(&pod) != Some(Kind::Pod) {
        return Err(unit.fault("Pod", format!("pod {pod} is not Quadlet based")));
    }
    let starts_with_pod = !names::is_template(unit.file) && unit.boolean("StartWithPod")?.unwrap_or(true);
    let service = unit.service.name.clone();
    let Some(known) = unit.units.get_mut(&pod) else {
        return Err(unit.fault("Pod", format!("quadlet pod unit {pod} does not exist")));
    };
    if starts_with_pod {
        known.started_with.push(service);
    }
    run.option("--pod", known.resource.as_str());
    let pod_service = known.service_file();
    unit.service.add(UNIT, "BindsTo", pod_service.as_str());
    unit.service.add(UNIT, "After", pod_service);
    Ok(())
}

impl Conversion<'_> {
    /// How systemd ends the service; only two ways leave the monitor its work.
    pub(super) fn set_kill_mode(&mut self) -> Result<()> {
        match self.file.last(SERVICE, "KillMode") {
            None => self.service.add(SERVICE, "KillMode", "mixed"),
            Some(found) if ["mixed", "control-group"].contains(&found.text()) => {}
            Some(found) => {
                let message = format!("invalid KillMode '{}'", found.text());
                return Err(Error::Invalid { message, place: found.place.clone() });
            }
        }
        Ok(())
    }

    /// True where the service runs on after its command, false where it is of the type `oneshot`.
    pub(super) fn runs_on(&self) -> Result<bool> {
        match self.file.last(SERVICE, "Type") {
            None => Ok(true),
            Some(found) => match found.text() {
                "notify" => Ok(true),
                "oneshot" => Ok(false),
                other => Err(Error::Invalid {
                    message: format!("invalid service Type '{other}'"),
                    place: found.place.clone(),
                }),
            },
        }
    }

    /// Where the output goes.
    pub(super) fn add_log(&mut self, command: &mut CommandLine) {
        self.texts(command, &[("LogDriver", "--log-driver")]);
        for option in self.list("LogOpt") {
            command.option("--log-opt", option);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_ranges() {
        for text in ["80", "80-90", "80/udp", "80-90/tcp", "1/sctp"] {
            assert!(is_port_range(text), "{text}");
        }
        for text in ["", "a", "80-", "-80", "80/", "80/icmp", "70000", "+80", "80 81"] {
            assert!(!is_port_range(text), "{text}");
        }
    }
}
