//! The text of Kubernetes YAML: files, addresses and standard input.

use bytes::Bytes;
use cove_api::ByteStream;
use cove_kube::Application;
use futures_util::StreamExt as _;

use crate::command_error::CommandError;
use crate::commands::common::{file_or_url_stream, stdin_stream};

/// Longest text, in bytes: as much as a service takes.
const LONGEST: usize = 8 << 20;
/// What stands between two files.
const SEPARATOR: &str = "\n---\n";

/// A text and what it describes.
pub(super) struct Text {
    pub(super) bytes: Bytes,
    pub(super) application: Application,
    /// What has no effect: place and path.
    pub(super) unused: Vec<String>,
}

impl Text {
    /// Reads files, addresses, or `-` for standard input.
    ///
    /// # Errors
    /// One cannot be read, or is no Kubernetes YAML; with its name, line and field.
    pub(super) async fn read(places: &[String]) -> Result<Self, CommandError> {
        let mut whole = String::new();
        let mut unused = Vec::new();
        for place in places {
            let text = read_one(place, places.len() == 1).await?;
            let application = Application::parse(&text)
                .map_err(|error| cove_api::Error::from(error).context(shown(place)))?;
            unused.extend(without_effect(place, &application));
            if !whole.is_empty() {
                whole.push_str(SEPARATOR);
            }
            whole.push_str(&text);
        }
        let application = Application::parse(&whole).map_err(cove_api::Error::from)?;
        Ok(Self { bytes: whole.into(), application, unused })
    }

    /// Adds the config maps of further files.
    ///
    /// # Errors
    /// As [`Text::read`], there is something else in one, or a config map is in two of them.
    pub(super) async fn add_config_maps(&mut self, places: &[String]) -> Result<(), CommandError> {
        let mut whole = String::from_utf8_lossy(&self.bytes).into_owned();
        for place in places {
            let text = read_one(place, false).await?;
            let named =
                |error: cove_kube::KubeError| cove_api::Error::from(error).context(format!("{place:?}"));
            let maps = Application::parse_config_maps(&text).map_err(named)?;
            if let Some(name) = maps
                .config_map_names()
                .find(|name| self.application.config_map_names().any(|own| own == *name))
            {
                return Err(CommandError::other(format!(
                    "ambiguous configuration: the same config map {name} is present in YAML and in --configmaps {place} file"
                )));
            }
            self.unused.extend(without_effect(place, &maps));
            whole.push_str(SEPARATOR);
            whole.push_str(&text);
        }
        self.application = Application::parse(&whole).map_err(cove_api::Error::from)?;
        self.bytes = whole.into();
        Ok(())
    }

    /// Takes the jobs of these names among what is to run; the last thing that is done with a text.
    ///
    /// # Errors
    /// There is no such job.
    pub(super) fn choose_jobs(&mut self, names: &[String]) -> Result<(), CommandError> {
        let known = self.application.unused.len();
        self.application.choose_jobs(names).map_err(cove_api::Error::from)?;
        self.unused.extend(self.application.unused[known..].iter().map(|unused| unused.path.clone()));
        Ok(())
    }
}

/// What has no effect in one file, by line and path.
fn without_effect<'a>(place: &'a str, of: &'a Application) -> impl Iterator<Item = String> + 'a {
    of.unused.iter().map(move |one| format!("{}: line {}: {}", shown(place), one.line, one.path))
}

fn shown(place: &str) -> &str {
    if place == "-" { "standard input" } else { place }
}

pub(super) async fn read_one(place: &str, alone: bool) -> Result<String, CommandError> {
    let stream: ByteStream =
        if place == "-" && alone { stdin_stream() } else { file_or_url_stream(place).await? };
    collect(stream, place).await
}

async fn collect(mut stream: ByteStream, place: &str) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece?);
        if bytes.len() > LONGEST {
            return Err(CommandError::other(format!("{}: it is longer than {LONGEST} bytes", shown(place))));
        }
    }
    String::from_utf8(bytes).map_err(|_| CommandError::other(format!("{}: it is no text", shown(place))))
}
