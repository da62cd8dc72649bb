//! What a build file says, what is ignored of a context, and what a step takes of it: all of a build but the doing.
//!
//! [`BuildFile::parse`] reads the language of BuildKit's `docker/dockerfile:1`; [`Scope`] knows its variables;
//! [`apply`] is what an instruction makes of an image's configuration; [`Ignore`] holds the rules of `.dockerignore`;
//! [`Selection`] is what `COPY` takes, as a tar whose digest says whether anything has changed.
//!
//! Nothing here knows a store, an engine or a registry.

mod apply;
mod check;
mod chmod;
mod error;
mod excerpt;
#[cfg(unix)]
mod files;
mod ignore;
mod language;
mod location;
#[cfg(unix)]
mod notes;
mod pattern;
mod policy;
mod sbom;
mod scope;
#[cfg(unix)]
mod select;
mod stages;
#[cfg(unix)]
mod take;

pub use apply::{apply, join, shell};
pub use check::{Facts, Warning, check};
pub use chmod::Chmod;
pub use error::{BuildError, Result};
pub use excerpt::excerpt;
#[cfg(unix)]
pub use files::{read_bounded, read_text, usual_file, usual_rules};
pub use ignore::Ignore;
pub use language::{
    BuildFile, CacheSharing, Checks, Command, Copying, FileMount, From, HealthCheck, Heredoc, Instruction,
    MountKind, Run, RunMount, Stage, Step, parse_line,
};
pub use location::{Location, Repository, is_commit};
#[cfg(unix)]
pub use notes::Notes;
pub use policy::{Decision, SourcePolicy};
pub use sbom::{
    SBOM_OUTPUTS, SBOM_ROOTFS, SbomPreset, SbomScan, sbom_context, sbom_merge, sbom_merged, sbom_preset,
    sbom_scans,
};
pub use scope::{Platforms, Scope};
#[cfg(unix)]
pub use select::{Ownership, Placing, Selection, Source};
pub use stages::{Plan, PlannedStage, StageBase};
