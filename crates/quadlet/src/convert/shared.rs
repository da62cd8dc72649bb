//! What several kinds refer to: networks, volumes, images, files and folders.

use super::{Conversion, SERVICE, UNIT};
use crate::command_line::CommandLine;
use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::{path, words};

impl Conversion<'_> {
    /// `--network` for each, and the services that make them first.
    pub(super) fn add_networks(&mut self, command: &mut CommandLine) -> Result<()> {
        for network in self.all("Network") {
            let (name, options) = match network.split_once(':') {
                Some((name, options)) => (name, Some(options)),
                None => (network.as_str(), None),
            };
            let kind = Kind::of(name).filter(|kind| matches!(kind, Kind::Network | Kind::Container));
            let Some(kind) = kind else {
                command.option("--network", network);
                continue;
            };
            let resource = self.require("Network", name, "unit")?;
            if resource.is_empty() {
                return Err(self.fault("Network", format!("cannot get the resource name of {name}")));
            }
            let value = match (kind, options) {
                (Kind::Container, Some(_)) => {
                    return Err(self.fault(
                        "Network",
                        "extra options are not supported when joining another container's network",
                    ));
                }
                (Kind::Container, None) => format!("container:{resource}"),
                (_, Some(options)) => format!("{resource}:{options}"),
                (_, None) => resource,
            };
            command.option("--network", value);
        }
        Ok(())
    }

    /// `-v` for each, and the services that make them first.
    pub(super) fn add_volumes(&mut self, command: &mut CommandLine) -> Result<()> {
        for volume in self.all("Volume") {
            let value = match volume.split_once(':') {
                Some((source, rest)) if !source.is_empty() => {
                    format!("{}:{rest}", self.source("Volume", source, false)?)
                }
                Some((_, rest)) => rest.split(':').next().unwrap_or_default().to_owned(),
                None => volume,
            };
            command.option("-v", value);
        }
        Ok(())
    }

    /// Where a mount comes from: a path with what must be mounted for it, or what another unit makes.
    pub(super) fn source(&mut self, key: &str, source: &str, may_be_image: bool) -> Result<String> {
        if source.is_empty() {
            return Err(self.fault(key, "source cannot be empty"));
        }
        let source = if source.starts_with('.') { self.absolute(source) } else { source.to_owned() };
        if source.starts_with('/') {
            self.service.add(UNIT, "RequiresMountsFor", words::quoted(&source));
            return Ok(source);
        }
        let is_unit = match Kind::of(&source) {
            Some(Kind::Volume | Kind::Artifact) => true,
            Some(Kind::Image) => may_be_image,
            _ => false,
        };
        if is_unit { self.require(key, &source, "source") } else { Ok(source) }
    }

    /// An image by its name or by the unit that makes it.
    pub(super) fn image(&mut self, name: &str) -> Result<String> {
        match Kind::of(name) {
            Some(Kind::Build | Kind::Image) => self.require("Image", name, "image"),
            _ => Ok(name.to_owned()),
        }
    }

    /// What the unit of that file makes; its service is required and started first.
    fn require(&mut self, key: &str, name: &str, what: &str) -> Result<String> {
        let Some(known) = self.units.get(name) else {
            return Err(self.fault(key, format!("requested Quadlet {what} {name} was not found")));
        };
        let service = known.service_file();
        let resource = known.resource.clone();
        self.service.add(UNIT, "Requires", service.as_str());
        self.service.add(UNIT, "After", service);
        Ok(resource)
    }

    /// A path from the unit's folder on. What begins with a specifier is left alone: it may be absolute.
    pub(super) fn absolute(&self, path: &str) -> String {
        if path::starts_with_specifier(path) || path.starts_with('/') {
            return path.to_owned();
        }
        let folder = self.file.path.parent().map(|folder| path::literal(&folder.display().to_string()));
        let folder = std::path::PathBuf::from(folder.unwrap_or_default());
        path::clean(&folder.join(path)).display().to_string()
    }

    /// `SetWorkingDirectory=`: sets that of the service, and returns what else it may say, which is a build's context.
    pub(super) fn set_working_directory(&mut self) -> Result<Option<String>> {
        const KEY: &str = "SetWorkingDirectory";
        let Some(value) = self.text(KEY).map(str::to_owned) else { return Ok(None) };
        let mut context = None;
        let beside = match value.to_ascii_lowercase().as_str() {
            "unit" => Some(self.file.path.display().to_string()),
            "yaml" if self.kind == Kind::Kube => match self.list("Yaml").as_slice() {
                [] => return Err(Error::invalid("no Yaml key specified")),
                [one] => Some(one.clone()),
                _ => {
                    let message =
                        "SetWorkingDirectory=yaml is only supported when a single Yaml key is provided";
                    return Err(self.fault(KEY, message));
                }
            },
            "file" if self.kind == Kind::Build => match self.text("File") {
                Some(file) => Some(file.to_owned()),
                None => return Err(self.fault(KEY, "no File key specified")),
            },
            "yaml" | "file" => {
                let kind = if self.kind == Kind::Kube { ".build" } else { ".kube" };
                return Err(
                    self.fault(KEY, format!("SetWorkingDirectory={value} is only supported in {kind} files"))
                );
            }
            _ if self.kind != Kind::Build => {
                return Err(self.fault(KEY, format!("unsupported value for WorkingDirectory: {value}")));
            }
            _ => {
                context = Some(value.clone());
                let is_relative = !value.starts_with('/') && !path::is_url(&value);
                is_relative.then(|| self.file.path.display().to_string())
            }
        };
        let Some(beside) = beside else { return Ok(context) };
        // One that the file gives itself is kept.
        if self.file.text(SERVICE, "WorkingDirectory").is_some() {
            return Ok(None);
        }
        let file = self.absolute(&beside);
        let folder = std::path::Path::new(&file).parent().map(|folder| folder.display().to_string());
        self.service.add(SERVICE, "WorkingDirectory", folder.unwrap_or_default());
        Ok(context)
    }
}
