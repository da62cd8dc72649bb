//! Quadlet's unit files, by the commands of the services that they become.

use std::collections::BTreeMap;

use cove_api::{Error, Result};
use cove_quadlet::{Kind, Loaded, Remark, Target, UnitFile, generate, split_words};

use super::script::{Command, Commands, folder};
use crate::loss::{Losses, Of};
use crate::model::{After, Application, Condition, Container, Network, Volume};
use crate::shell;

const SERVICE: &str = "Service";
const UNIT: &str = "Unit";
const INSTALL: &str = "Install";
/// The program of the commands.
const PROGRAM: &str = "cove";

/// The application that unit files describe.
///
/// # Errors
/// A unit cannot be turned into a service, or its command is wrong.
pub fn quadlet(units: &[Loaded], commands: &dyn Commands, losses: &mut Losses) -> Result<Application> {
    let mut faults = Vec::new();
    let target = Target { program: PROGRAM.to_owned(), user: false };
    let services = generate(units.to_vec(), &target, &mut |remark| match remark {
        Remark::Fault(text) => faults.push(text),
        // Something is not as it was written.
        Remark::Warning(text) => losses.of("the unit files").lost("warning", &text),
        Remark::Detail(_) => {}
    });
    if let Some(fault) = faults.first() {
        return Err(Error::invalid(fault.clone()));
    }
    let mut reader =
        Reader { units, commands, losses, application: Application::default(), services: BTreeMap::new() };
    for unit in units {
        let known = cove_quadlet::known_units([unit]);
        for (_, known) in known {
            reader.services.insert(known.service_file(), unit.file.name.clone());
        }
    }
    for service in &services {
        // Those of no file are for all.
        if let Some(unit) = reader.unit_of(service) {
            reader.unit(unit, service)?;
        }
    }
    reader.pods_by_name();
    Ok(reader.application)
}

struct Reader<'a> {
    units: &'a [Loaded],
    commands: &'a dyn Commands,
    losses: &'a mut Losses,
    application: Application,
    /// The unit files by the names of their services.
    services: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    fn unit_of(&self, service: &UnitFile) -> Option<&'a Loaded> {
        let file = self.services.get(&service.name)?;
        self.units.iter().find(|unit| unit.file.name == *file)
    }

    fn unit(&mut self, unit: &Loaded, service: &UnitFile) -> Result<()> {
        let at = |error: Error| Error::new(error.kind, format!("{}: {}", unit.file.name, error.message));
        let stem = stem(&unit.file.name);
        match unit.kind {
            Kind::Container | Kind::Network | Kind::Volume | Kind::Pod => {}
            Kind::Artifact | Kind::Build | Kind::Image | Kind::Kube => {
                let why = match unit.kind {
                    Kind::Kube => "convert its YAML itself",
                    _ => "what is pulled or built is no container: only its name is kept",
                };
                self.losses.of(&unit.file.name).lost(unit.kind.section(), why);
                return Ok(());
            }
        }
        let key = if unit.kind == Kind::Pod { "ExecStartPre" } else { "ExecStart" };
        let text = service.text(SERVICE, key).unwrap_or_default();
        let words = split_words(text).map_err(|error| at(Error::invalid(format!("{key}: {error}"))))?;
        let mut words = literal(&words, &mut self.losses.of(&unit.file.name));
        // The generator's own: one that was there before is replaced at each start.
        if let Some(at) = words.iter().position(|word| word == "--replace") {
            words.remove(at);
        }
        let command = self.commands.command(&words, self.losses).map_err(at)?;
        match command {
            Command::Network(network) => self.application.add_network(Network {
                key: stem.to_owned(),
                network: *network,
                is_external: false,
            }),
            Command::Volume(options) => {
                self.application.add_volume(Volume { key: stem.to_owned(), options, is_external: false });
            }
            Command::Pod(mut pod) => {
                pod.infra_conmon_pid_file.clear();
                if pod.infra_name == format!("{}-infra", pod.name) {
                    pod.infra_name.clear();
                }
                self.application.add_pod(*pod);
            }
            Command::Container(mut container) => {
                stem.clone_into(&mut container.key);
                container.is_named = unit.file.text("Container", "ContainerName").is_some();
                self.container(unit, service, &mut container);
                self.application.add(*container);
            }
            Command::Healthy(_) | Command::Start => {}
        }
        self.rest(unit);
        Ok(())
    }

    /// What the service says of its container besides the command, and what the generator adds of its own.
    fn container(&mut self, unit: &Loaded, service: &UnitFile, container: &mut Container) {
        let spec = &mut container.spec;
        let file = &unit.file;
        // A service's container is removed when it ends; systemd makes another.
        spec.remove = None;
        if file.text("Container", "CgroupsMode").is_none() && spec.cgroups_mode == "split" {
            spec.cgroups_mode.clear();
        }
        if matches!(spec.sdnotify_mode.as_str(), "conmon" | "healthy") {
            // Who is awaited says so; the others are told by it.
            spec.sdnotify_mode.clear();
        }
        spec.labels.remove("PODMAN_SYSTEMD_UNIT");
        if let Some(policy) = file.text(SERVICE, "Restart") {
            match policy {
                "no" => {}
                "always" | "on-failure" => policy.clone_into(&mut spec.restart_policy),
                _ => self.losses.of(&file.name).lost("Service.Restart", "the engine has no such policy"),
            }
        }
        for (_, text) in file.lines(SERVICE).filter(|(key, _)| *key == "ExecStartPre") {
            match made_folder(text) {
                Some(folder) => spec.create_bind_sources.push(folder),
                None => self.losses.of(&file.name).lost("Service.ExecStartPre", "it is systemd's"),
            }
        }
        for word in
            service.lines(UNIT).filter(|(key, _)| *key == "After").flat_map(|(_, text)| text.split(' '))
        {
            let Some(other) =
                self.services.get(word).filter(|other| Kind::of(other) == Some(Kind::Container))
            else {
                continue;
            };
            let key = stem(other).to_owned();
            let waits = self.units.iter().any(|unit| {
                let notify = unit.file.text("Container", "Notify");
                unit.file.name == *other && notify.is_some_and(|mode| mode.eq_ignore_ascii_case("healthy"))
            });
            let condition = if waits { Condition::Healthy } else { Condition::Started };
            if !container.after.iter().any(|after| after.key == key) {
                container.after.push(After { key, condition });
            }
        }
    }

    /// Keys that are systemd's alone, or that no command has.
    fn rest(&mut self, unit: &Loaded) {
        let file = &unit.file;
        let restarts = matches!(file.text(SERVICE, "Restart"), Some("always"));
        let mut lost = self.losses.of(&file.name);
        for section in file.sections() {
            for (key, value) in file.lines(section) {
                let is_kept = match (section, key) {
                    (UNIT, "Description") => true,
                    (UNIT, "After" | "Requires" | "Wants" | "BindsTo") => {
                        value.split(' ').all(|word| word.is_empty() || Kind::of(word).is_some())
                    }
                    (SERVICE, "Restart" | "ExecStartPre") => unit.kind == Kind::Container,
                    (INSTALL, "WantedBy") => {
                        restarts && matches!(value, "default.target" | "multi-user.target")
                    }
                    (UNIT | SERVICE | INSTALL | "Quadlet", _) => false,
                    (
                        _,
                        "ServiceName" | "ReloadCmd" | "ReloadSignal" | "StartWithPod" | "NetworkDeleteOnStop",
                    ) => false,
                    (_, "GlobalArgs" | "ContainersConfModule" | "Retry" | "RetryDelay") => false,
                    (POD, "StopTimeout") if POD == section => false,
                    _ => true,
                };
                if !is_kept {
                    lost.lost(&format!("{section}.{key}"), "only Quadlet and systemd have it");
                }
            }
        }
    }

    /// A container names its pod by what the pod's unit makes.
    fn pods_by_name(&mut self) {
        for container in &self.application.containers {
            let pod = &container.spec.pod;
            if !pod.is_empty() && !self.application.pods.iter().any(|known| known.name == *pod) {
                self.losses.of(container.object()).lost("pod", "its pod is in none of the files");
            }
        }
    }
}

const POD: &str = "Pod";

/// A unit's name without what kind it is.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Words as systemd hands them to the program, as far as that is known: two signs are one, and what systemd would fill in
/// stays as it is written.
fn literal(words: &[String], lost: &mut Of<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for word in words {
        let mut text = String::new();
        let mut characters = word.chars().peekable();
        while let Some(character) = characters.next() {
            text.push(character);
            if !matches!(character, '%' | '$') {
                continue;
            }
            match characters.peek() {
                Some(next) if *next == character => drop(characters.next()),
                // The generator's own file of the pid, which is left out.
                Some(_) if word.ends_with("%t/%N.pid") => {}
                Some(next) => {
                    let sign = format!("{character}{next}");
                    lost.lost(&sign, &format!("systemd fills it in: {word:?} is taken as it is written"));
                }
                None => {}
            }
        }
        all.push(text);
    }
    all
}

/// The folder that `ExecStartPre=` makes in a service of this program's.
fn made_folder(text: &str) -> Option<String> {
    let words = split_words(text).ok()?;
    let [shell_program, option, script] = words.as_slice() else { return None };
    if shell_program != "/bin/sh" || option != "-c" {
        return None;
    }
    let script = script.replace("%%", "%").replace("$$", "$");
    let commands = shell::commands(&script).ok()?;
    let [(_, words)] = commands.as_slice() else { return None };
    folder(words).map(str::to_owned)
}
