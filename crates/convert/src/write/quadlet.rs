//! Quadlet's unit files.

use cove_api::PodSpec;

use super::File;
use super::flag::{Flag, Flags};
use super::flags::{self, Line};
use super::flags_pod;
use super::quadlet_unit::{Form, Unit};
use super::run::folder_made;
use crate::loss::{Losses, Of};
use crate::model::{Application, Condition, Container};

const CONTAINER: &str = "Container";
const POD: &str = "Pod";
const NETWORK: &str = "Network";
const VOLUME: &str = "Volume";
const SERVICE: &str = "Service";
const UNIT: &str = "Unit";

/// A file for each container, pod, network and volume. What has no key of its own is in `PodmanArgs=`.
pub fn quadlet(application: &Application, losses: &mut Losses) -> Vec<File> {
    let Application { name: _, containers, pods, networks, volumes } = application;
    let mut files = Vec::new();
    for network in networks.iter().filter(|network| !network.is_external) {
        let mut unit = Unit::default();
        let lost = &mut losses.of(format!("network {}", network.key));
        name(&mut unit, NETWORK, "NetworkName", &network.network.name, lost);
        let flags = flags_pod::network(&network.network, lost);
        keys(&mut unit, NETWORK, &flags, network_key);
        files.push(File { name: format!("{}.network", network.key), text: unit.text() });
    }
    for volume in volumes.iter().filter(|volume| !volume.is_external) {
        let mut unit = Unit::default();
        let lost = &mut losses.of(format!("volume {}", volume.key));
        name(&mut unit, VOLUME, "VolumeName", &volume.options.name, lost);
        keys(&mut unit, VOLUME, &flags_pod::volume(&volume.options), volume_key);
        files.push(File { name: format!("{}.volume", volume.key), text: unit.text() });
    }
    for pod in pods {
        let lost = &mut losses.of(format!("pod {}", pod.name));
        files.push(File { name: format!("{}.pod", pod.name), text: pod_unit(application, pod, lost) });
    }
    for container in containers {
        let lost = &mut losses.of(container.object());
        let text = container_unit(application, container, lost);
        files.push(File { name: format!("{}.container", container.key), text });
    }
    files
}

/// The name of what a unit makes.
fn name(unit: &mut Unit, section: &'static str, key: &str, name: &str, lost: &mut Of<'_>) {
    if !unit.key(section, key, name, Form::Text) {
        lost.lost("name", "it cannot stand in a unit file");
    }
}

/// A key and the form of its value; [`None`] for what only `PodmanArgs=` can say.
type Keys = fn(&Flag) -> Option<(&'static str, Form, String)>;

fn keys(unit: &mut Unit, section: &'static str, flags: &Flags, keys: Keys) {
    for flag in &flags.0 {
        let written = keys(flag).is_some_and(|(key, form, value)| unit.key(section, key, &value, form));
        if !written {
            unit.words(section, "PodmanArgs", &flag.words());
        }
    }
}

fn valued(flag: &Flag) -> String {
    flag.value.clone().unwrap_or_else(|| "true".to_owned())
}

fn network_key(flag: &Flag) -> Option<(&'static str, Form, String)> {
    let (key, form) = match flag.name {
        "--driver" => ("Driver", Form::Text),
        "--interface-name" => ("InterfaceName", Form::Text),
        "--subnet" => ("Subnet", Form::Text),
        "--gateway" => ("Gateway", Form::Text),
        "--ip-range" => ("IPRange", Form::Text),
        "--ipv6" => ("IPv6", Form::Text),
        "--internal" => ("Internal", Form::Text),
        "--disable-dns" => ("DisableDNS", Form::Text),
        "--dns" => ("DNS", Form::Text),
        "--label" => ("Label", Form::Words),
        "--opt" => ("Options", Form::Words),
        "--ipam-driver" => ("IPAMDriver", Form::Text),
        _ => return None,
    };
    Some((key, form, valued(flag)))
}

fn volume_key(flag: &Flag) -> Option<(&'static str, Form, String)> {
    let (key, form) = match flag.name {
        // With the driver image a key names the image; the option says the same.
        "--driver" if flag.value.as_deref() != Some("image") => ("Driver", Form::Text),
        "--label" => ("Label", Form::Words),
        "--uid" => ("UID", Form::Text),
        "--gid" => ("GID", Form::Text),
        _ => return None,
    };
    Some((key, form, valued(flag)))
}

fn pod_key(flag: &Flag) -> Option<(&'static str, Form, String)> {
    let (key, form) = match flag.name {
        "--label" => ("Label", Form::Words),
        "--exit-policy" => ("ExitPolicy", Form::Text),
        "--publish" => ("PublishPort", Form::Text),
        "--network" => ("Network", Form::Text),
        "--hostname" => ("HostName", Form::Text),
        "--userns" => ("UserNS", Form::Text),
        "--uidmap" => ("UIDMap", Form::List),
        "--gidmap" => ("GIDMap", Form::List),
        "--shm-size" => ("ShmSize", Form::Text),
        "--dns" => ("DNS", Form::Text),
        "--dns-option" => ("DNSOption", Form::Text),
        "--dns-search" => ("DNSSearch", Form::Text),
        "--add-host" => ("AddHost", Form::Text),
        "--volume" => ("Volume", Form::Text),
        _ => return None,
    };
    Some((key, form, valued(flag)))
}

fn container_key(flag: &Flag) -> Option<(&'static str, Form, String)> {
    if flag.name == "--security-opt" {
        return security_key(flag.value.as_deref().unwrap_or_default());
    }
    let (key, form) = match flag.name {
        "--name" => ("ContainerName", Form::Text),
        "--network" => ("Network", Form::Text),
        "--publish" => ("PublishPort", Form::Text),
        "--volume" => ("Volume", Form::Text),
        "--mount" => ("Mount", Form::Words),
        "--tmpfs" => ("Tmpfs", Form::Text),
        "--env" => ("Environment", Form::Words),
        "--label" => ("Label", Form::Words),
        "--annotation" => ("Annotation", Form::Words),
        "--secret" => ("Secret", Form::Words),
        "--env-host" => ("EnvironmentHost", Form::Text),
        "--http-proxy" => ("HttpProxy", Form::Text),
        "--pull" => ("Pull", Form::Text),
        "--hostname" => ("HostName", Form::Text),
        "--workdir" => ("WorkingDir", Form::Text),
        "--group-add" => ("GroupAdd", Form::Text),
        "--init" => ("RunInit", Form::Text),
        "--tz" => ("Timezone", Form::Text),
        "--read-only" => ("ReadOnly", Form::Text),
        "--read-only-tmpfs" => ("ReadOnlyTmpfs", Form::Text),
        "--device" => ("AddDevice", Form::List),
        "--shm-size" => ("ShmSize", Form::Text),
        "--cap-add" => ("AddCapability", Form::List),
        "--cap-drop" => ("DropCapability", Form::List),
        "--sysctl" => ("Sysctl", Form::List),
        "--userns" => ("UserNS", Form::Text),
        "--uidmap" => ("UIDMap", Form::List),
        "--gidmap" => ("GIDMap", Form::List),
        "--memory" => ("Memory", Form::Text),
        "--pids-limit" => ("PidsLimit", Form::Text),
        "--ulimit" => ("Ulimit", Form::Text),
        "--cgroups" => ("CgroupsMode", Form::Text),
        "--dns" => ("DNS", Form::Text),
        "--dns-option" => ("DNSOption", Form::Text),
        "--dns-search" => ("DNSSearch", Form::Text),
        "--add-host" => ("AddHost", Form::Text),
        "--stop-signal" => ("StopSignal", Form::Text),
        "--stop-timeout" => ("StopTimeout", Form::Text),
        "--log-driver" => ("LogDriver", Form::Text),
        "--log-opt" => ("LogOpt", Form::List),
        "--expose" => ("ExposeHostPort", Form::Text),
        "--health-cmd" => ("HealthCmd", Form::Text),
        "--health-interval" => ("HealthInterval", Form::Text),
        "--health-timeout" => ("HealthTimeout", Form::Text),
        "--health-retries" => ("HealthRetries", Form::Text),
        "--health-start-period" => ("HealthStartPeriod", Form::Text),
        "--health-startup-cmd" => ("HealthStartupCmd", Form::Text),
        "--health-startup-interval" => ("HealthStartupInterval", Form::Text),
        "--health-startup-timeout" => ("HealthStartupTimeout", Form::Text),
        "--health-startup-retries" => ("HealthStartupRetries", Form::Text),
        "--health-startup-success" => ("HealthStartupSuccess", Form::Text),
        "--health-on-failure" => ("HealthOnFailure", Form::Text),
        "--health-log-destination" => ("HealthLogDestination", Form::Text),
        "--health-max-log-count" => ("HealthMaxLogCount", Form::Text),
        "--health-max-log-size" => ("HealthMaxLogSize", Form::Text),
        _ => return None,
    };
    Some((key, form, valued(flag)))
}

fn security_key(option: &str) -> Option<(&'static str, Form, String)> {
    let (key, form, value) = match option.split_once('=') {
        None if option == "no-new-privileges" => ("NoNewPrivileges", Form::Text, "true"),
        Some(("label", "disable")) => ("SecurityLabelDisable", Form::Text, "true"),
        Some(("label", "nested")) => ("SecurityLabelNested", Form::Text, "true"),
        Some(("label", label)) => match label.split_once(':')? {
            ("type", value) => ("SecurityLabelType", Form::Text, value),
            ("filetype", value) => ("SecurityLabelFileType", Form::Text, value),
            ("level", value) => ("SecurityLabelLevel", Form::Text, value),
            _ => return None,
        },
        Some(("apparmor", value)) => ("AppArmor", Form::Text, value),
        Some(("seccomp", value)) => ("SeccompProfile", Form::Text, value),
        Some(("mask", value)) => ("Mask", Form::Words, value),
        Some(("unmask", value)) => ("Unmask", Form::Words, value),
        _ => return None,
    };
    Some((key, form, value.to_owned()))
}

/// Puts the files of other units in the place of what they make.
fn refer(application: &Application, flags: &mut Flags) {
    for flag in &mut flags.0 {
        let Some(value) = &mut flag.value else { continue };
        match flag.name {
            "--network" => {
                let (name, options) = match value.split_once(':') {
                    Some((name, options)) => (name.to_owned(), Some(options.to_owned())),
                    None => (value.clone(), None),
                };
                if name == "container" {
                    let target = options.as_deref().and_then(|target| by_name(application, target));
                    if let Some(target) = target {
                        *value = format!("{}.container", target.key);
                    }
                    continue;
                }
                let own = application
                    .networks
                    .iter()
                    .find(|network| !network.is_external && network.network.name == name);
                if let Some(network) = own {
                    *value = match options {
                        Some(options) => format!("{}.network:{options}", network.key),
                        None => format!("{}.network", network.key),
                    };
                }
            }
            "--volume" => {
                if let Some((source, rest)) = value.split_once(':')
                    && let Some(file) = volume_file(application, source)
                {
                    *value = format!("{file}:{rest}");
                }
            }
            "--mount" if value.starts_with("type=volume,src=") => {
                let rest = &value["type=volume,src=".len()..];
                let (source, rest) = rest.split_once(',').unwrap_or((rest, ""));
                if let Some(file) = volume_file(application, source) {
                    *value = format!("type=volume,source={file},{rest}");
                }
            }
            _ => {}
        }
    }
}

fn volume_file(application: &Application, name: &str) -> Option<String> {
    let own = application.volumes.iter().find(|volume| !volume.is_external && volume.options.name == name)?;
    Some(format!("{}.volume", own.key))
}

fn by_name<'a>(application: &'a Application, name: &str) -> Option<&'a Container> {
    application.containers.iter().find(|container| container.spec.name == name || container.key == name)
}

fn pod_unit(application: &Application, pod: &PodSpec, lost: &mut Of<'_>) -> String {
    let mut unit = Unit::default();
    name(&mut unit, POD, "PodName", &pod.name, lost);
    let mut flags = flags_pod::pod(pod, lost);
    if pod.infra_name == format!("{}-infra", pod.name) {
        // What Quadlet calls it, too.
        flags.0.retain(|flag| flag.name != "--infra-name");
    }
    // "stop" is Quadlet's own default.
    flags.0.retain(|flag| flag.name != "--exit-policy" || flag.value.as_deref() != Some("stop"));
    refer(application, &mut flags);
    keys(&mut unit, POD, &flags, pod_key);
    if matches!(pod.restart_policy.as_str(), "always" | "unless-stopped") {
        unit.line("Install", "WantedBy", "default.target");
    }
    unit.text()
}

fn container_unit(application: &Application, container: &Container, lost: &mut Of<'_>) -> String {
    let mut unit = Unit::default();
    let Line { mut flags, image, command, folders, prepares } = flags::line(container, lost);
    lost.given("init_container_type", &prepares, "the services of a pod start together");
    dependencies(&mut unit, container, lost);
    let is_folder = flags.0.iter().any(|flag| flag.name == "--rootfs");
    if !unit.key(CONTAINER, if is_folder { "Rootfs" } else { "Image" }, &image, Form::Text) {
        lost.lost("image", "its name cannot stand in a unit file");
    }
    flags.0.retain(|flag| match flag.name {
        // Quadlet removes every container when its service ends.
        "--rm" | "--restart" | "--rootfs" => false,
        "--sdnotify" => !notify(&mut unit, flag.value.as_deref().unwrap_or_default()),
        "--pod" => {
            let name = flag.value.clone().unwrap_or_default();
            let is_own = application.pods.iter().any(|pod| pod.name == name);
            if is_own {
                unit.key(CONTAINER, "Pod", &format!("{name}.pod"), Form::Text);
            }
            !is_own
        }
        "--user" => {
            let (user, group) = match flag.value.as_deref().unwrap_or_default().split_once(':') {
                Some((user, group)) => (user.to_owned(), Some(group.to_owned())),
                None => (flag.value.clone().unwrap_or_default(), None),
            };
            let is_whole = !user.is_empty() && unit.key(CONTAINER, "User", &user, Form::Text);
            if is_whole && let Some(group) = group {
                unit.key(CONTAINER, "Group", &group, Form::Text);
            }
            !is_whole
        }
        "--entrypoint" => {
            let value = flag.value.clone().unwrap_or_default();
            if value.is_empty() {
                unit.line(CONTAINER, "Entrypoint", "");
                return false;
            }
            !unit.key(CONTAINER, "Entrypoint", &value, Form::Text)
        }
        _ => true,
    });
    if application.is_awaited(&container.key) {
        unit.line(CONTAINER, "Notify", "healthy");
    }
    refer(application, &mut flags);
    keys(&mut unit, CONTAINER, &flags, container_key);
    if !command.is_empty() {
        unit.words(CONTAINER, "Exec", &command);
    }
    for folder in &folders {
        let words = ["/bin/sh".to_owned(), "-c".to_owned(), folder_made(folder)];
        unit.words(SERVICE, "ExecStartPre", &words);
    }
    restart(&mut unit, container, lost);
    unit.text()
}

fn dependencies(unit: &mut Unit, container: &Container, lost: &mut Of<'_>) {
    for after in &container.after {
        let file = format!("{}.container", after.key);
        unit.line(UNIT, "Requires", &file);
        unit.line(UNIT, "After", &file);
        if after.condition == Condition::Completed {
            lost.lost(
                &format!("depends_on.{}.condition", after.key),
                "the service only waits until it has started",
            );
        }
    }
}

/// When systemd takes the service as started; false where Quadlet has no key for it.
fn notify(unit: &mut Unit, mode: &str) -> bool {
    let value = match mode {
        "conmon" => return true,
        "container" => "true",
        "healthy" => "healthy",
        _ => return false,
    };
    unit.line(CONTAINER, "Notify", value);
    true
}

/// systemd starts the service again, not the engine the container.
fn restart(unit: &mut Unit, container: &Container, lost: &mut Of<'_>) {
    let policy = container.spec.restart_policy.as_str();
    match policy {
        "" => return,
        "on-failure" => unit.line(SERVICE, "Restart", "on-failure"),
        _ => unit.line(SERVICE, "Restart", "always"),
    }
    if policy == "unless-stopped" {
        lost.lost("restart_policy", "it starts again at the next boot even where it was stopped");
    }
    if container.spec.restart_tries.is_some() {
        lost.lost("restart_tries", "systemd counts starts in a span of time: StartLimitBurst=");
    }
    if policy != "on-failure" {
        unit.line("Install", "WantedBy", "default.target");
    }
}
