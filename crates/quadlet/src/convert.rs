//! A unit file as a service: what all kinds have in common.

mod artifact;
mod build;
mod container;
mod image;
mod kube;
mod mappings;
mod mount;
mod names;
mod network;
mod pod;
mod shared;
mod volume;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::command_line::CommandLine;
use crate::error::{Error, Place, Result};
use crate::kind::Kind;
use crate::path;
use crate::unit::{UnitFile, Words};

pub(crate) use names::{known, template};

const UNIT: &str = "Unit";
const SERVICE: &str = "Service";
/// Of what concerns all kinds of units.
const QUADLET: &str = "Quadlet";

/// Made by [`crate::generate`] for users, whose units cannot wait for those of the system.
pub(crate) const USER_NETWORK_ONLINE: &str = "cove-user-wait-network-online.service";

/// For whom services are made.
#[derive(Debug, Clone)]
pub struct Target {
    /// The program of the commands.
    pub program: String,
    /// True for a user's systemd.
    pub user: bool,
}

/// What other units may refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The service's name, without `.service`.
    pub service: String,
    /// The name of what the service makes, which may have specifiers; empty where it is not known.
    pub resource: String,
    /// Of a pod: the services that are started with it.
    pub started_with: Vec<String>,
}

impl Known {
    /// The name of the service's file.
    pub fn service_file(&self) -> String {
        format!("{}.service", self.service)
    }
}

/// All units, by the names of their files.
pub type Units = HashMap<String, Known>;

/// A unit file on its way to a service.
struct Conversion<'a> {
    kind: Kind,
    file: &'a UnitFile,
    service: UnitFile,
    units: &'a mut Units,
    target: &'a Target,
    remarks: &'a mut Vec<String>,
}

/// Turns a unit file into a service. What is noteworthy but no reason to fail is added to `remarks`.
///
/// # Errors
/// A key that the kind does not have, a value or combination that means nothing, a reference to no unit.
pub fn convert(
    file: &UnitFile,
    kind: Kind,
    units: &mut Units,
    target: &Target,
    remarks: &mut Vec<String>,
) -> Result<UnitFile> {
    check_keys(file, kind.section(), kind.keys())?;
    check_keys(file, QUADLET, &["DefaultDependencies"])?;
    let known =
        units.get(&file.name).ok_or_else(|| Error::invalid(format!("unit {} is not known", file.name)))?;
    let mut service = file.clone();
    service.name = known.service_file();
    if !path::is_plain_name(&service.name) {
        return Err(Error::Name { what: "the service", name: service.name });
    }
    let mut conversion = Conversion { kind, file, service, units, target, remarks };
    conversion.translate_dependencies()?;
    conversion.add_default_dependencies()?;
    conversion.service.rename(kind.section(), kind.kept_as());
    conversion.service.rename(QUADLET, "X-Quadlet");
    match kind {
        Kind::Artifact => artifact::convert(&mut conversion)?,
        Kind::Build => build::convert(&mut conversion)?,
        Kind::Container => container::convert(&mut conversion)?,
        Kind::Image => image::convert(&mut conversion)?,
        Kind::Kube => kube::convert(&mut conversion)?,
        Kind::Network => network::convert(&mut conversion)?,
        Kind::Pod => pod::convert(&mut conversion)?,
        Kind::Volume => volume::convert(&mut conversion)?,
    }
    Ok(conversion.service)
}

fn check_keys(file: &UnitFile, section: &'static str, keys: &[&str]) -> Result<()> {
    match file.assignments(section).find(|assignment| !keys.contains(&assignment.key.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(Error::UnknownKey {
            key: unknown.key.clone(),
            section,
            place: unknown.place.clone().unwrap_or(Place { file: Path::new("").into(), line: 0 }),
        }),
    }
}

/// The keys of `[Unit]` that name other units.
const DEPENDENCIES: [&str; 15] = [
    "After",
    "Before",
    "BindsTo",
    "Conflicts",
    "OnFailure",
    "OnSuccess",
    "PartOf",
    "PropagatesReloadTo",
    "PropagatesStopTo",
    "ReloadPropagatedFrom",
    "Requires",
    "Requisite",
    "StopPropagatedFrom",
    "Upholds",
    "Wants",
];

impl Conversion<'_> {
    /// Puts the services in the place of the unit files that they are made of.
    fn translate_dependencies(&mut self) -> Result<()> {
        for key in DEPENDENCIES {
            let Words { words, faults } = self.service.list(UNIT, key);
            if !words.iter().any(|word| Kind::of(word).is_some()) {
                continue;
            }
            self.remarks.extend(faults);
            let mut names = Vec::new();
            for word in words {
                names.push(match (Kind::of(&word), self.units.get(&word)) {
                    (None, _) => word,
                    (Some(_), Some(known)) => known.service_file(),
                    (Some(_), None) => {
                        let place = self.file.last(UNIT, key).and_then(|found| found.place.clone());
                        let message = format!("unable to translate dependency for {word}");
                        return Err(Error::Invalid { message, place });
                    }
                });
            }
            self.service.unset(UNIT, key);
            self.service.add(UNIT, key, names.join(" "));
        }
        Ok(())
    }

    fn add_default_dependencies(&mut self) -> Result<()> {
        // What is pulled needs the network, and so may a container as soon as it runs.
        if boolean(self.file, QUADLET, "DefaultDependencies")?.unwrap_or(true) {
            let network = if self.target.user { USER_NETWORK_ONLINE } else { "network-online.target" };
            self.service.prepend(UNIT, "After", network);
            self.service.prepend(UNIT, "Wants", network);
        }
        if !self.file.path.as_os_str().is_empty() {
            let source = path::literal(&self.file.path.display().to_string());
            self.service.add(UNIT, "SourcePath", source);
        }
        self.service.add(UNIT, "RequiresMountsFor", "%t/containers");
        Ok(())
    }

    /// The unit as others know it.
    fn known(&mut self) -> Option<&mut Known> {
        self.units.get_mut(&self.file.name)
    }

    /// Says what the service makes.
    fn set_resource(&mut self, name: &str) {
        if let Some(known) = self.known() {
            name.clone_into(&mut known.resource);
        }
    }

    /// The last value of a key, where it is not empty.
    fn text(&self, key: &str) -> Option<&str> {
        self.file.text(self.kind.section(), key)
    }

    /// All values of a key.
    fn all(&self, key: &str) -> Vec<String> {
        self.file.all(self.kind.section(), key).into_iter().map(|found| found.value.clone()).collect()
    }

    fn list(&mut self, key: &str) -> Vec<String> {
        let Words { words, faults } = self.file.list(self.kind.section(), key);
        self.remarks.extend(faults);
        words
    }

    fn command_words(&mut self, key: &str) -> Vec<String> {
        let Words { words, faults } = self.file.command(self.kind.section(), key);
        self.remarks.extend(faults);
        words
    }

    fn last_command(&mut self, key: &str) -> Option<Vec<String>> {
        let (words, fault) = self.file.last_command(self.kind.section(), key);
        self.remarks.extend(fault);
        words
    }

    fn pairs(&mut self, key: &str) -> BTreeMap<String, Option<String>> {
        let (pairs, faults) = self.file.pairs(self.kind.section(), key);
        self.remarks.extend(faults);
        pairs
    }

    fn boolean(&self, key: &str) -> Result<Option<bool>> {
        boolean(self.file, self.kind.section(), key)
    }

    fn has(&self, key: &str) -> bool {
        self.file.last(self.kind.section(), key).is_some()
    }

    /// An error that the last line with that key is to blame for.
    fn fault(&self, key: &str, message: impl Into<String>) -> Error {
        let place = self.file.last(self.kind.section(), key).and_then(|found| found.place.clone());
        Error::Invalid { message: message.into(), place }
    }

    /// The program with the options that stand before its command.
    fn command(&mut self) -> CommandLine {
        let mut command = CommandLine::new(&path::literal(&self.target.program));
        for module in self.all("ContainersConfModule") {
            command.add(format!("--module={module}"));
        }
        for word in self.command_words("GlobalArgs") {
            command.add(word);
        }
        command
    }

    fn set_command(&mut self, key: &str, command: &CommandLine) {
        self.service.add(SERVICE, key, command.render());
    }

    /// Options of keys whose last value counts.
    fn texts(&self, command: &mut CommandLine, options: &[(&str, &str)]) {
        for (key, flag) in options {
            if let Some(text) = self.text(key) {
                command.option(flag, text);
            }
        }
    }

    /// Options of keys all of whose values count.
    fn every(&self, command: &mut CommandLine, options: &[(&str, &str)]) {
        for (key, flag) in options {
            for value in self.all(key) {
                command.option(flag, value);
            }
        }
    }

    /// Options of keys that are yes or no.
    fn switches(&self, command: &mut CommandLine, options: &[(&str, &str)]) -> Result<()> {
        for (key, flag) in options {
            if let Some(is_on) = self.boolean(key)? {
                command.switch(flag, is_on);
            }
        }
        Ok(())
    }

    /// Options of keys that are lists of `NAME=VALUE`.
    fn every_pair(&mut self, command: &mut CommandLine, options: &[(&str, &str)]) {
        for (key, flag) in options {
            command.pairs(flag, self.pairs(key));
        }
    }

    /// Options that are passed on as they are.
    fn podman_args(&mut self, command: &mut CommandLine) {
        for word in self.command_words("PodmanArgs") {
            command.add(word);
        }
    }

    /// Ends a command that makes what is named so, which others may then refer to.
    fn make(&mut self, mut command: CommandLine, name: &str) {
        self.podman_args(&mut command);
        command.add(name);
        self.set_command("ExecStart", &command);
        self.make_oneshot(true);
        self.set_resource(name);
    }

    /// What follows a command that ends by itself.
    fn make_oneshot(&mut self, remains: bool) {
        self.service.set_default(SERVICE, "SyslogIdentifier", "%N");
        self.service.set_default(SERVICE, "Type", "oneshot");
        if remains {
            self.service.set_default(SERVICE, "RemainAfterExit", "yes");
        }
    }
}

/// The last value of a key as systemd reads yes and no; `None` where there is none or it is empty.
fn boolean(file: &UnitFile, section: &str, key: &str) -> Result<Option<bool>> {
    let Some(found) = file.last(section, key) else { return Ok(None) };
    match found.text().to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "1" | "yes" | "y" | "true" | "t" | "on" => Ok(Some(true)),
        "0" | "no" | "n" | "false" | "f" | "off" => Ok(Some(false)),
        other => Err(Error::Invalid {
            message: format!("{key}={other} is neither yes nor no"),
            place: found.place.clone(),
        }),
    }
}
