//! Quadlet: unit files that describe containers, which the generator (`generator.rs`) turns into services of systemd.

pub(crate) mod from;
pub(crate) mod install;
pub(crate) mod list;
pub(crate) mod print;
pub(crate) mod remove;

use cove_api::QuadletListOptions;
use cove_quadlet::Error;

use crate::command_error::CommandError;
use crate::context::Context;

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::NotFound(_) => cove_api::ErrorKind::NotFound,
            Error::Exists(_) => cove_api::ErrorKind::AlreadyExists,
            Error::File(_) => cove_api::ErrorKind::Internal,
            _ => cove_api::ErrorKind::InvalidArgument,
        };
        cove_api::Error::new(kind, crate::command_error::chain(&error)).into()
    }
}

/// What a command may be given: units, and applications where they are taken too.
pub(crate) async fn names(context: &Context, verb: &str) -> Vec<String> {
    let Ok(engine) = context.engine().await else { return Vec::new() };
    let rows = engine.quadlets().list(QuadletListOptions::default()).await.unwrap_or_default();
    let mut applications: Vec<String> = rows.iter().map(|row| row.app.clone()).collect();
    applications.retain(|app| verb == "rm" && !app.is_empty());
    applications.sort();
    applications.dedup();
    rows.into_iter().map(|row| row.name).chain(applications).collect()
}

/// The last part of a path as text.
fn file_name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
