//! The bill of materials of what was built: a scanner's commands over its files and those of the contexts.

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cove_api::{ContainerSpec, Error, FailedStep, HealthConfig, Result, Sbom, SbomOptions};
use cove_build::{SBOM_OUTPUTS, SBOM_ROOTFS, SbomScan, sbom_context, sbom_merged, sbom_scans, shell};
use cove_registry::Platform;
use cove_tree::Root;
use rustix::fs::{FileType, Mode, OFlags};

use super::commit;
use super::context::{Other, Unpacked};
use super::mounts::bind;
use super::run::{Attended, plan_of, row_of};
use super::start::{Build, Stepped, Stop, platform_text};
use super::state::ImageState;
use super::working::Working;
use crate::state::ImageFacts;

/// Most that a scan may write, in bytes.
const MAX_OUTPUT: u64 = 256 << 20;

impl Build<'_> {
    /// Makes the bill of an image, and where it is to be kept in that, another image with it. Answers the id and the bill.
    pub(super) fn bill(
        &self,
        wanted: &SbomOptions,
        state: &mut ImageState,
        id: String,
    ) -> Stepped<(String, Sbom)> {
        self.teller.line(format!("SBOM of {} by {}", crate::name::short(&id), wanted.scanner));
        let outputs = Unpacked::new(self.core)?;
        let place = outputs.folder.join("scans");
        cove_sys::fs::create_dir(&place).map_err(Error::from)?;
        // Scanners are seldom root in their images; nobody else comes to this folder.
        cove_sys::fs::set_permissions(&place, PermissionsExt::from_mode(0o777)).map_err(Error::from)?;
        let subject = Working::new(self.core, Some(&id))?;
        let mut stop = None;
        let scanned = subject.with_root(|rootfs| match self.scan(wanted, rootfs, &place) {
            Ok(files) => Ok(files),
            Err(Stop::Error(error)) => Err(error),
            Err(failed) => {
                stop = Some(failed);
                Ok(Vec::new())
            }
        })?;
        if let Some(stop) = stop {
            return Err(stop);
        }
        let sbom = sbom_merged(wanted.merge, &scanned)?;
        let files = [(&wanted.image_output, &sbom.document), (&wanted.image_purl_output, &sbom.purls)];
        let files: Vec<_> = files.into_iter().filter(|(path, _)| !path.is_empty()).collect();
        if files.is_empty() {
            return Ok((id, sbom));
        }
        subject.with_root(|root| {
            let root = Root::open(root)?;
            files.iter().try_for_each(|(path, content)| keep(&root, path, content))
        })?;
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let told = format!("/bin/sh -c #(nop) SBOM {}", paths.join(" "));
        state.history.push(self.history(told, state, false));
        match self.options.squash {
            true => commit::squash(self.core, self.options, state, &subject)?,
            false => commit::add_layer(self.core, self.options, state, &subject)?,
        }
        Ok((commit::save(self.core, self.options, state, None)?, sbom))
    }

    /// Runs the scanner and answers what it has written.
    fn scan(&self, wanted: &SbomOptions, rootfs: &Path, outputs: &Path) -> Stepped<Vec<Vec<u8>>> {
        let scanner = self.image(&wanted.scanner, Some(&platform_text(&Platform::host())), &self.teller)?;
        let contexts = self.contexts()?;
        let mut spec = ContainerSpec {
            image: scanner.id.clone().unwrap_or_default(),
            entrypoint: Some(Vec::new()),
            image_volume_mode: "ignore".into(),
            systemd: "false".into(),
            sdnotify_mode: "ignore".into(),
            httpproxy: self.options.run.httpproxy,
            healthconfig: Some(HealthConfig { test: vec!["NONE".into()], ..HealthConfig::default() }),
            ..ContainerSpec::default()
        };
        spec.netns.clone_from(&self.options.run.netns);
        spec.networks.clone_from(&self.options.run.networks);
        spec.mounts.push(bind(outputs, SBOM_OUTPUTS.into(), "rw"));
        spec.mounts.push(bind(rootfs, SBOM_ROOTFS.into(), "ro"));
        let places = contexts.iter().enumerate();
        spec.mounts.extend(places.map(|(index, path)| bind(path, sbom_context(index), "ro")));
        let shell = shell(&scanner.config);
        let mut written = Vec::new();
        for scan in sbom_scans(&wanted.commands, &shell, contexts.len()) {
            let SbomScan { words, output } = scan;
            let shown = words.join(" ");
            self.teller.line(format!("SBOM: {shown}"));
            spec.command = words;
            let code = self.scanned(&spec, &scanner)?;
            if code != 0 {
                let message = format!("the scanner {}: {shown}: exit status {code}", wanted.scanner);
                return Err(Stop::Failed(FailedStep { code, message }));
            }
            let read = read(&Root::open(outputs).map_err(Error::from)?, &output);
            let named = |error: Error| error.context(format!("the scanner {}: {shown}", wanted.scanner));
            written.push(read.map_err(named)?);
        }
        Ok(written)
    }

    /// A command of the scanner, in a container of its own.
    fn scanned(&self, spec: &ContainerSpec, scanner: &ImageState) -> Result<i32> {
        let working = Working::new(self.core, scanner.id.as_deref())?;
        let facts = ImageFacts {
            id: scanner.id.clone().unwrap_or_default(),
            name: scanner.base.clone(),
            digest: String::new(),
            config: scanner.config.clone(),
        };
        let row = row_of(self.core, spec, &facts, &working)?;
        let plan = plan_of(self.core, &row)?;
        let attended = Attended { core: self.core, working: &working, input: None, teller: &self.teller };
        attended.run(plan, &row.config.runtime)
    }

    /// The folders of the contexts, the main one first.
    fn contexts(&self) -> Result<Vec<PathBuf>> {
        let others = self.context.others.values().filter_map(|other| match other {
            Other::Folder { root, .. } => Some(root),
            Other::Image(_) => None,
        });
        let path = |root: &Root| {
            let found = root.find(b"", OFlags::PATH).map_err(std::io::Error::from)?;
            Ok(std::fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd()))?)
        };
        std::iter::once(&self.context.root).chain(others).map(path).collect()
    }
}

/// What a scanner has written, which is not to be trusted with what it is.
fn read(outputs: &Root, name: &str) -> Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = outputs.find(name.as_bytes(), flags).map_err(|errno| {
        Error::from(std::io::Error::from(errno)).context(format!("{SBOM_OUTPUTS}/{name} was not written"))
    })?;
    let stat = rustix::fs::fstat(&file).map_err(std::io::Error::from)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Error::invalid(format!("{SBOM_OUTPUTS}/{name} is no regular file")));
    }
    let mut content = Vec::new();
    std::fs::File::from(file).take(MAX_OUTPUT + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_OUTPUT {
        return Err(Error::invalid(format!("{SBOM_OUTPUTS}/{name} has more than {MAX_OUTPUT} bytes")));
    }
    Ok(content)
}

/// Writes a file of the image, with the folders that it is in.
fn keep(root: &Root, path: &str, content: &[u8]) -> Result<()> {
    let path = cove_build::join("/", path);
    let (folder, name) = path.rsplit_once('/').unwrap_or_default();
    let named = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(&path);
    cove_tree::make_directories(root, folder.as_bytes(), (0, 0))
        .map_err(|error| Error::from(error).context(&path))?;
    let folder = root.find(folder.as_bytes(), OFlags::PATH | OFlags::DIRECTORY).map_err(named)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o644);
    let file = rustix::fs::openat(&folder, name, flags, mode).map_err(named)?;
    std::fs::File::from(file).write_all(content)?;
    Ok(())
}
