//! What every machine of this host needs.

use super::Findings;
use crate::bundle::measure;
use crate::error::{Error, Result};
use crate::image::MachineImage;
use crate::ops::init::{leftovers, sweep};
use crate::ops::machines::Machines;
use crate::program::Program;
use crate::provider::{ProviderKind, VmProvider};
use crate::space;

/// A machine cannot even write its logs with less, in bytes.
const LEAST_ROOM: u64 = 1 << 30;

impl Machines {
    pub(super) async fn check_host(&self, kind: ProviderKind, findings: &mut Findings) {
        let provider = self.provider(kind);
        match provider.check().await {
            Ok(version) => findings.ok("programs", format!("{kind} {version}")),
            Err(error) => findings.fail("programs", error.to_string(), cure(&error)),
        }
        check_ssh(findings).await;
        match provider.slow_because() {
            None => findings.ok("acceleration", "nothing is known that makes machines slow"),
            Some(reason) => findings.warn(
                "acceleration",
                reason,
                "turn virtualization on in the firmware, and let this user read and write /dev/kvm \
                 (often: the group kvm)",
            ),
        }
        self.check_image(provider.as_ref(), findings).await;
        let data = &self.folders.data;
        let existing = data.ancestors().find(|folder| folder.is_dir());
        match existing.and_then(space::free) {
            Some(free) if free < LEAST_ROOM => findings.fail(
                "room",
                format!("{} are free in {}", space::shown(free), data.display()),
                "remove what is not needed; `cove machine compact` gives back what machines do not need",
            ),
            Some(free) => {
                findings.ok("room", format!("{} are free in {}", space::shown(free), data.display()))
            }
            None => {}
        }
        let parent = self.folders.provider(kind);
        match leftovers(&parent).len() {
            0 => findings.ok("leftovers", "no interrupted command has left a folder"),
            count => {
                let repair = async { sweep(&parent) };
                let message = format!("{count} folders of interrupted commands in {}", parent.display());
                findings.repairable("leftovers", message, repair).await;
            }
        }
    }

    async fn check_image(&self, provider: &dyn VmProvider, findings: &mut Findings) {
        let image = match MachineImage::find(&self.image_folders) {
            Ok(image) => image,
            Err(error @ Error::ImageMissing { .. }) => {
                let cure = "machines that are there do not need it; a new one does";
                return findings.warn("image", error.to_string(), cure);
            }
            Err(error) => return findings.fail("image", error.to_string(), "build or fetch it again"),
        };
        let (folder, files) = (image.folder.display().to_string(), provider.files());
        let compare = move || -> Result<()> {
            for name in files.all() {
                let (known, path) = (image.file(name)?, image.folder.join(name));
                if measure(&path)? != *known {
                    let reason = "its content is not what the manifest says".into();
                    return Err(Error::BadImage { path, reason });
                }
            }
            Ok(())
        };
        match tokio::task::spawn_blocking(compare).await {
            Ok(Ok(())) => findings.ok("image", format!("{folder} is whole")),
            Ok(Err(error)) => findings.fail("image", error.to_string(), "build or fetch it again"),
            Err(error) => findings.fail("image", error.to_string(), ""),
        }
    }
}

async fn check_ssh(findings: &mut Findings) {
    let ssh = Program::new("ssh", "openssh-client (Fedora: openssh-clients)").args(["-V"]).output().await;
    match ssh {
        // It says its version on standard error.
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            findings.ok("ssh program", crate::boot_log::tail(&text, 1));
        }
        Err(error) => {
            findings.warn("ssh program", format!("{error} (only `machine ssh` needs it)"), cure(&error));
        }
    }
}

fn cure(error: &Error) -> String {
    match error {
        Error::ProgramMissing { package, .. } => format!("install the package {package}"),
        _ => String::new(),
    }
}
