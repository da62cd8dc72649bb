//! Command lines, one or a script of them.

use cove_api::{Error, PodSpec, Result, VolumeCreateOptions};

use crate::loss::Losses;
use crate::model::{After, Application, Condition, Container, Network, Volume};
use crate::shell;

/// What a command makes.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A container.
    Container(Box<Container>),
    /// A pod.
    Pod(Box<PodSpec>),
    /// A network.
    Network(Box<cove_api::Network>),
    /// A volume.
    Volume(VolumeCreateOptions),
    /// Nothing: it waits until these are healthy.
    Healthy(Vec<String>),
    /// Nothing: it starts what is there.
    Start,
}

/// Who knows the commands and their options.
pub trait Commands {
    /// What a command means. The first word is the program.
    ///
    /// # Errors
    /// An option is wrong, or it is no command that makes something.
    fn command(&self, words: &[String], losses: &mut Losses) -> Result<Command>;
}

/// The application of one command line.
///
/// # Errors
/// As [`Commands::command`].
pub fn line(words: &[String], commands: &dyn Commands, losses: &mut Losses) -> Result<Application> {
    let mut reader = Reader { commands, losses, application: Application::default(), next: Next::default() };
    reader.command(words)?;
    reader.finish()
}

/// The application of a script of command lines: `run`, `create`, `pod create`, `network create`, `volume create`, and what
/// the scripts have besides that [`crate::write::run`] makes.
///
/// # Errors
/// As [`Commands::command`], or a line needs a shell; with its line.
pub fn script(text: &str, commands: &dyn Commands, losses: &mut Losses) -> Result<Application> {
    let mut reader = Reader { commands, losses, application: Application::default(), next: Next::default() };
    for (line, words) in shell::commands(text)? {
        let at = |error: Error| Error::new(error.kind, format!("line {line}: {}", error.message));
        reader.statement(&words).map_err(at)?;
    }
    reader.finish()
}

/// The folder that a statement makes where nothing has its name.
pub(super) fn folder(words: &[String]) -> Option<&str> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", "-e", folder, "||", "mkdir", "-p", again] if folder == again => Some(folder),
        _ => None,
    }
}

/// What belongs to the next container.
#[derive(Default)]
struct Next {
    folders: Vec<String>,
    healthy: Vec<String>,
}

struct Reader<'a> {
    commands: &'a dyn Commands,
    losses: &'a mut Losses,
    application: Application,
    next: Next,
}

impl Reader<'_> {
    fn statement(&mut self, words: &[String]) -> Result<()> {
        if let Some(folder) = folder(words) {
            self.next.folders.push(folder.to_owned());
            return Ok(());
        }
        match words {
            // It ends at the first failure; here every line is needed anyway.
            [first, option] if first == "set" && option == "-e" => Ok(()),
            [first, rest @ ..] if first == "sudo" && !rest.is_empty() => self.command(rest),
            words => self.command(words),
        }
    }

    fn command(&mut self, words: &[String]) -> Result<()> {
        match self.commands.command(words, self.losses)? {
            Command::Container(container) => self.container(*container),
            Command::Pod(pod) => self.application.add_pod(*pod),
            Command::Network(network) => self.application.add_network(Network {
                key: network.name.clone(),
                network: *network,
                is_external: false,
            }),
            Command::Volume(options) => {
                self.application.add_volume(Volume {
                    key: options.name.clone(),
                    options,
                    is_external: false,
                });
            }
            Command::Healthy(names) => self.next.healthy.extend(names),
            Command::Start => {}
        }
        Ok(())
    }

    fn container(&mut self, mut container: Container) {
        let Next { folders, healthy } = std::mem::take(&mut self.next);
        container.spec.create_bind_sources.extend(folders);
        for name in healthy {
            let first = self.application.containers.iter().find(|one| one.spec.name == name);
            let key = first.map_or(name, |first| first.key.clone());
            container.after.push(After { key, condition: Condition::Healthy });
        }
        self.application.add(container);
    }

    fn finish(self) -> Result<Application> {
        if self.application.containers.is_empty() && self.application.pods.is_empty() {
            return Err(Error::invalid("nothing makes a container: run or create is needed"));
        }
        Ok(self.application)
    }
}
