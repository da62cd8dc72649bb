//! The options of a bill of materials.

use std::path::Path;

use cove_api::{BuildReport, SbomOptions};
use cove_build::{sbom_merge, sbom_preset};
use cove_sys::output::{Existing, OutputFile};

use crate::command_error::CommandError;

// A bill of materials of the image.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SbomArgs {
    /// Make a bill of materials with a known scanner: syft, syft-cyclonedx, syft-spdx, trivy, trivy-cyclonedx, trivy-spdx
    #[arg(long, value_name = "SCANNER", help_heading = "Bill of materials")]
    sbom: Option<String>,
    /// Image with the scanner
    #[arg(long, value_name = "IMAGE", help_heading = "Bill of materials")]
    sbom_scanner_image: Option<String>,
    /// Command of the scanner, with {ROOTFS}, {CONTEXT} and {OUTPUT} for where things are
    #[arg(long, value_name = "COMMAND", help_heading = "Bill of materials")]
    sbom_scanner_command: Vec<String>,
    /// How what several commands write becomes one: cat, merge-cyclonedx-by-component-name-and-version,
    /// merge-spdx-by-package-name-and-versioninfo
    #[arg(long, value_name = "WAY", help_heading = "Bill of materials")]
    sbom_merge_strategy: Option<String>,
    /// File that it is written to
    #[arg(long, value_name = "FILE", help_heading = "Bill of materials")]
    sbom_output: Option<String>,
    /// File that the package URLs in it are written to
    #[arg(long, value_name = "FILE", help_heading = "Bill of materials")]
    sbom_purl_output: Option<String>,
    /// Path in the image that it is kept at
    #[arg(long, value_name = "PATH", help_heading = "Bill of materials")]
    sbom_image_output: Option<String>,
    /// Path in the image that the package URLs in it are kept at
    #[arg(long, value_name = "PATH", help_heading = "Bill of materials")]
    sbom_image_purl_output: Option<String>,
}

impl SbomArgs {
    /// What is asked for; [`None`] where nothing is said of it.
    ///
    /// # Errors
    /// A scanner or a way is unknown, or something is missing.
    pub(super) fn options(&self) -> Result<Option<SbomOptions>, CommandError> {
        let outputs = [
            &self.sbom_output,
            &self.sbom_purl_output,
            &self.sbom_image_output,
            &self.sbom_image_purl_output,
        ];
        let own = self.sbom_scanner_image.is_some()
            || !self.sbom_scanner_command.is_empty()
            || self.sbom_merge_strategy.is_some();
        if self.sbom.is_none() && !own && outputs.iter().all(|output| output.is_none()) {
            return Ok(None);
        }
        let given = |value: &Option<String>| value.clone().unwrap_or_default();
        if outputs.iter().all(|output| given(output).is_empty()) {
            return Err(CommandError::other(
                "a bill of materials needs a place: --sbom-output, --sbom-image-output, --sbom-purl-output or \
                 --sbom-image-purl-output",
            ));
        }
        let (scanner, commands, merge) = if own {
            let merge = self.sbom_merge_strategy.as_deref().map(sbom_merge).transpose();
            let merge =
                merge.map_err(|error| CommandError::other(format!("--sbom-merge-strategy: {error}")))?;
            if self.sbom_scanner_command.len() > 1 && merge.is_none() {
                return Err(CommandError::other("several --sbom-scanner-command need --sbom-merge-strategy"));
            }
            (given(&self.sbom_scanner_image), self.sbom_scanner_command.clone(), merge.unwrap_or_default())
        } else {
            let name = self.sbom.as_deref().filter(|name| !name.is_empty()).unwrap_or("syft");
            let preset = sbom_preset(name).ok_or_else(|| {
                CommandError::other(format!(
                    "--sbom: {name:?} is no known scanner: syft, syft-cyclonedx, syft-spdx, trivy, \
                     trivy-cyclonedx or trivy-spdx"
                ))
            })?;
            (preset.scanner.to_owned(), preset.commands.map(ToOwned::to_owned).to_vec(), preset.merge)
        };
        if scanner.is_empty() || commands.is_empty() {
            return Err(CommandError::other(
                "a scanner of one's own needs --sbom-scanner-image and --sbom-scanner-command",
            ));
        }
        let scans = |command: &&String| command.contains("{ROOTFS}") || command.contains("{CONTEXT}");
        if let Some(command) =
            commands.iter().find(|command| !scans(command) || !command.contains("{OUTPUT}"))
        {
            return Err(CommandError::other(format!(
                "--sbom-scanner-command {command:?} must name {{OUTPUT}}, and {{ROOTFS}} or {{CONTEXT}}: where \
                 it writes and what it scans"
            )));
        }
        Ok(Some(SbomOptions {
            scanner,
            commands,
            merge,
            image_output: given(&self.sbom_image_output),
            image_purl_output: given(&self.sbom_image_purl_output),
        }))
    }

    /// The files that it goes to, before anything is built.
    ///
    /// # Errors
    /// One cannot be made.
    pub(super) fn open(&self) -> Result<SbomFiles, CommandError> {
        let open = |path: &Option<String>| match path.as_deref() {
            Some(path) if !path.is_empty() => {
                Ok::<_, CommandError>(Some(OutputFile::create(Path::new(path), Existing::Replace)?))
            }
            _ => Ok(None),
        };
        Ok(SbomFiles { document: open(&self.sbom_output)?, purls: open(&self.sbom_purl_output)? })
    }
}

/// Files for a bill of materials.
pub(super) struct SbomFiles {
    document: Option<OutputFile>,
    purls: Option<OutputFile>,
}

impl SbomFiles {
    /// Writes them.
    ///
    /// # Errors
    /// One cannot be written.
    pub(super) fn write(self, report: &BuildReport) -> Result<(), CommandError> {
        let Some(sbom) = &report.sbom else { return Ok(()) };
        for (file, content) in [(self.document, &sbom.document), (self.purls, &sbom.purls)] {
            if let Some(mut file) = file {
                std::io::Write::write_all(&mut file, content)?;
                file.finish()?;
            }
        }
        Ok(())
    }
}
