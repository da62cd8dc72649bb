//! `cove compose run`

use std::io::IsTerminal as _;
use std::path::Path;

use cove_api::AttachOptions;
use cove_compose::model::{Project, Service};
use cove_compose::{command_words, env_file, parse_mount, parse_ports};
use cove_project::run::{OneOff, UpOptions, one_off};

use super::bring::Bring;
use super::line::{Style, failed, line};
use super::progress::Progress;
use super::up::{alone, ignores_orphans, told};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::container::detach_keys;
use crate::commands::container::run::{Attending, attended, start_failed};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Run a command in a new container of a service
#[derive(Debug, Default, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct Args {
    /// The service, then the command in place of its own
    #[arg(value_name = "SERVICE [COMMAND [ARG...]]")]
    words: Vec<String>,
    /// Build images before
    #[arg(long)]
    build: bool,
    /// A further capability
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<String>,
    /// A capability that it has not
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<String>,
    /// Run it in the background and print its id
    #[arg(long, short)]
    detach: bool,
    /// Program in place of the image's, as words of one line
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,
    /// Environment variable NAME=VALUE; NAME alone takes the value over
    #[arg(long, short, value_name = "VARIABLE")]
    env: Vec<String>,
    /// File of environment variables
    #[arg(long, value_name = "FILE")]
    env_from_file: Vec<String>,
    /// Keep standard input open, which is usual; --interactive=false does not
    #[arg(long, short, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    interactive: Option<bool>,
    /// Label, NAME=VALUE
    #[arg(long, short, alias = "labels", value_name = "LABEL")]
    label: Vec<String>,
    /// The container's name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Give it no terminal
    #[arg(long, short = 'T', alias = "no-TTY")]
    no_tty: bool,
    /// Without what the service depends on
    #[arg(long)]
    no_deps: bool,
    /// Publish a port: [[ADDRESS:]HOST:]CONTAINER
    #[arg(long, short, value_name = "PORT")]
    publish: Vec<String>,
    /// When to pull: always, missing, never, or policy for what each service says
    #[arg(long, value_name = "WHEN", value_parser = ["always", "missing", "never", "build", "policy"])]
    pull: Option<String>,
    /// Say nothing of steps
    #[arg(long, short)]
    quiet: bool,
    /// Say nothing of the steps of builds
    #[arg(long)]
    quiet_build: bool,
    /// Say nothing of pulls
    #[arg(long)]
    quiet_pull: bool,
    /// Remove containers of services that the file has not
    #[arg(long)]
    remove_orphans: bool,
    /// Remove the container when it ends
    #[arg(long)]
    rm: bool,
    /// Publish the service's ports
    #[arg(long, short = 'P')]
    service_ports: bool,
    /// Give it a terminal, which is usual on one
    #[arg(long, short, hide = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tty: Option<bool>,
    /// Let others reach it by the service's names
    #[arg(long)]
    use_aliases: bool,
    /// User, a name or number, perhaps with a group: USER[:GROUP]
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// Mount a volume or folder: SOURCE:TARGET[:OPTIONS]
    #[arg(long, short, alias = "volumes", value_name = "VOLUME")]
    volume: Vec<String>,
    /// Working directory
    #[arg(long, short, value_name = "DIR")]
    workdir: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SERVICE [COMMAND] [ARG...]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let Some((name, command)) = args.words.split_first() else {
        return Err(CommandError::other("requires at least 1 arg(s), only received 0"));
    };
    if args.service_ports && !args.publish.is_empty() {
        return Err(CommandError::other("--service-ports and --publish are incompatible"));
    }
    if args.tty.is_some() && args.no_tty {
        return Err(CommandError::other("--tty and --no-TTY can't be used together"));
    }
    let interactive = args.interactive.unwrap_or(true);
    let tty = args.has_terminal(std::io::stdin().is_terminal(), std::io::stdout().is_terminal());
    if tty && interactive && !std::io::stdin().is_terminal() {
        return Err(CommandError::other("the input device is not a TTY"));
    }
    let keys = detach_keys(context, None)?;
    let line = line(context)?;
    let mut project = line.project(context, std::slice::from_ref(name))?;
    if args.no_deps {
        alone(&mut project, std::slice::from_ref(name));
    }
    let known = project.environment.clone();
    let Some(service) = project.services.get_mut(name) else {
        return Err(CommandError::other(format!("no such service: {name}")));
    };
    service.tty = tty;
    service.stdin_open = interactive;
    args.apply(service, command, &known)?;
    let options = args.options(
        &project,
        name,
        UpOptions {
            remove_orphans: args.remove_orphans,
            ignore_orphans: ignores_orphans(context),
            env_files: line.env_files.clone(),
            at_once: Some(line.at_once(context)),
            ..UpOptions::default()
        },
    )?;
    let engine = context.engine().await?;
    cove_project::run::check(engine, &project, &options.up.scale).await?;
    let style = args.quiet.then_some(Style::Quiet);
    let bring = Bring {
        build: args.build,
        no_build: false,
        policy: args.pull.clone().filter(|policy| policy != "policy"),
        quiet_pull: args.quiet_pull,
        quiet_build: args.quiet_build || args.quiet_pull,
    };
    bring.bring(context, engine, &project, &Progress::of(context, line).in_style(style)).await?;
    let tell = told(context, Progress::of(context, line).in_style(style));
    let id = one_off(engine, &project, name, &options, &tell).await?;
    if args.detach {
        if let Err(error) = engine.containers().start(&id).await {
            return Err(start_failed(engine, &id, args.rm, error).await);
        }
        context.printer.line(&id)?;
        return Ok(0);
    }
    let attach = AttachOptions { stdin: interactive, stdout: true, stderr: true, ..AttachOptions::default() };
    let attending = Attending { tty, proxy: true, removed: args.rm, keys };
    attended(context, engine, &id, attending, attach).await
}

impl Args {
    /// Whether it gets a terminal: as the options say, else where this command is on one.
    fn has_terminal(&self, input: bool, output: bool) -> bool {
        match self.tty {
            Some(tty) => tty,
            None if self.no_tty => false,
            None => output && (input || self.interactive.is_some()),
        }
    }

    /// Makes the service what the options ask for; `known` are the variables that have values.
    fn apply(
        &self,
        service: &mut Service,
        command: &[String],
        known: &cove_api::StringMap,
    ) -> Result<(), CommandError> {
        if !self.service_ports {
            service.ports.clear();
        }
        for text in &self.publish {
            service.ports.extend(parse_ports(text).map_err(failed)?);
        }
        for text in &self.volume {
            let mut mount = parse_mount(text).map_err(failed)?;
            if mount.r#type == "bind" {
                mount.source = std::path::absolute(&mount.source)?.to_string_lossy().into_owned();
            }
            service.volumes.push(mount);
        }
        if let Some(text) = &self.entrypoint {
            let words = command_words(text).ok_or_else(|| {
                CommandError::other(format!("--entrypoint {text:?} has a quote that does not end"))
            })?;
            service.entrypoint.0 = Some(words);
            service.command.0 = Some(Vec::new());
        }
        if !command.is_empty() {
            service.command.0 = Some(command.to_vec());
        }
        for (given, own) in [(&self.user, &mut service.user), (&self.workdir, &mut service.working_dir)] {
            if let Some(given) = given.as_ref().filter(|given| !given.is_empty()) {
                given.clone_into(own);
            }
        }
        service.cap_drop.retain(|name| !self.cap_add.contains(name));
        service.cap_add.extend(self.cap_add.iter().cloned());
        service.cap_add.retain(|name| !self.cap_drop.contains(name));
        service.cap_drop.extend(self.cap_drop.iter().cloned());
        for text in &self.label {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                CommandError::other(format!("label must be set as KEY=VALUE, not {text:?}"))
            })?;
            service.labels.insert(name.to_owned(), value.to_owned());
        }
        for (name, value) in self.variables(known)? {
            service.environment.insert(name, Some(value));
        }
        Ok(())
    }

    /// The variables of `--env`, and those of files that it does not have.
    fn variables(&self, known: &cove_api::StringMap) -> Result<cove_api::StringMap, CommandError> {
        let mut variables = cove_api::StringMap::new();
        for text in &self.env {
            match text.split_once('=') {
                Some((name, value)) => drop(variables.insert(name.to_owned(), value.to_owned())),
                None => variables.extend(known.get(text).map(|value| (text.clone(), value.clone()))),
            }
        }
        for file in &self.env_from_file {
            for (name, value) in env_file(Path::new(file), &variables).map_err(failed)? {
                variables.entry(name).or_insert(value);
            }
        }
        Ok(variables)
    }

    fn options(&self, project: &Project, service: &str, up: UpOptions) -> Result<OneOff, CommandError> {
        let slug = slug()?;
        let own = || format!("{}-{service}-run-{}", project.name, &slug[..12]);
        let name = self.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(own);
        Ok(OneOff { name, slug, use_aliases: self.use_aliases, remove: self.rm, up })
    }
}

/// 64 random hexadecimal digits.
fn slug() -> Result<String, CommandError> {
    let mut bytes = [0_u8; 32];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())
            .map_err(|error| CommandError::other(format!("no random numbers: {error}")))?;
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_terminal_is_usual_on_one() {
        let has = |tty, no_tty, interactive, input, output| {
            Args { tty, no_tty, interactive, ..Args::default() }.has_terminal(input, output)
        };
        assert!(has(None, false, None, true, true));
        assert!(!has(None, false, None, false, true), "what is piped is no terminal");
        assert!(!has(None, false, None, true, false));
        assert!(!has(None, true, None, true, true));
        assert!(has(None, false, Some(true), false, true), "which is refused");
        assert!(has(Some(true), false, None, true, false) && !has(Some(false), false, None, true, true));
    }

    #[test]
    fn options_change_the_service() {
        let args = Args {
            cap_add: texts(&["NET_ADMIN"]),
            cap_drop: texts(&["CHOWN"]),
            publish: texts(&["8080:80"]),
            volume: texts(&["/here:/there", "data:/data"]),
            entrypoint: Some("sh -c 'a b'".to_owned()),
            env: texts(&["A=b", "KNOWN", "UNKNOWN"]),
            label: texts(&["a=b"]),
            user: Some("7".to_owned()),
            ..Args::default()
        };
        let mut service = Service {
            cap_add: texts(&["CHOWN"]),
            cap_drop: texts(&["NET_ADMIN", "KILL"]),
            ports: parse_ports("1:1").unwrap(),
            working_dir: "/own".into(),
            ..Service::default()
        };
        service.command.0 = Some(texts(&["own"]));
        let known = [("KNOWN".to_owned(), "value".to_owned())].into();
        args.apply(&mut service, &[], &known).unwrap();
        assert_eq!((service.cap_add, service.cap_drop), (texts(&["NET_ADMIN"]), texts(&["KILL", "CHOWN"])));
        assert_eq!(service.entrypoint.0, Some(texts(&["sh", "-c", "a b"])));
        assert_eq!(service.command.0, Some(Vec::new()), "the image's program has gone");
        let ports: Vec<&str> = service.ports.iter().map(|port| port.published.as_str()).collect();
        let mounts: Vec<&str> = service.volumes.iter().map(|mount| mount.source.as_str()).collect();
        assert_eq!((ports, mounts), (vec!["8080"], vec!["/here", "data"]));
        let variables: Vec<_> = service.environment.into_iter().collect();
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(variables, [("A".to_owned(), value("b")), ("KNOWN".to_owned(), value("value"))]);
        assert_eq!((service.user.as_str(), service.working_dir.as_str()), ("7", "/own"));
        let wrong = Args { label: texts(&["a"]), ..Args::default() };
        assert!(wrong.apply(&mut Service::default(), &[], &known).is_err());
    }
}
