//! This program as a generator of systemd, which is what it is by its name: services from the unit files of Quadlet.
//!
//! systemd starts generators early at boot and at each reload, with the folders for what they make as arguments. There
//! may be no `/home`, no network and no log yet, so nothing of the usual start is done.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use cove_config::{Environment, User, env};
use cove_engine::quadlet_places;
use cove_quadlet::{Remark, Target, UnitFile};

use crate::printer::Printer;

/// What the arguments say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    /// Say also what goes well.
    verbose: bool,
    /// Write messages to standard error and not into the kernel's log.
    no_kmsg_log: bool,
    /// For the user's systemd.
    user: bool,
    /// Show the services and write none.
    dry_run: bool,
    version: bool,
    /// Where services are written to.
    folder: Option<PathBuf>,
}

/// Makes services, where that is what this process was started for.
pub(crate) fn take_over() -> Option<u8> {
    let mut words = std::env::args_os();
    let called_as = PathBuf::from(words.next()?);
    let name = called_as.file_name()?.to_str()?;
    if !is_generator(name) {
        return None;
    }
    let environment = Environment::new(std::env::vars_os());
    let printer = Printer::new(environment.get(env::NO_COLOR).is_some());
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let code = match parse(name, &words) {
        Ok(options) => run(&options, &called_as, &environment, &printer),
        Err(message) => {
            printer.error_line(&message);
            2
        }
    };
    Some(code)
}

/// `quadlet` itself, and the links in systemd's folders of generators.
fn is_generator(name: &str) -> bool {
    let is_link = ["cove", "podman", "quadlet"].iter().any(|program| name.starts_with(program));
    name == "quadlet" || (is_link && name.ends_with("-generator"))
}

/// Options with one dash or two, as Go's programs read them: the first other word ends them.
fn parse(name: &str, words: &[String]) -> Result<Options, String> {
    let mut options = Options { user: name.contains("user"), ..Options::default() };
    let mut words = words.iter();
    for word in words.by_ref() {
        let Some(flag) =
            word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|flag| !flag.is_empty())
        else {
            options.folder =
                (word != "--").then(|| PathBuf::from(word)).or_else(|| words.next().map(PathBuf::from));
            break;
        };
        let (flag, value) = flag.split_once('=').unwrap_or((flag, "true"));
        let is_on = match value {
            "true" | "1" | "t" | "T" | "TRUE" | "True" => true,
            "false" | "0" | "f" | "F" | "FALSE" | "False" => false,
            _ => return Err(format!("invalid boolean value {value:?} for -{flag}")),
        };
        let option = match flag {
            "v" => &mut options.verbose,
            "no-kmsg-log" => &mut options.no_kmsg_log,
            "user" => &mut options.user,
            "dryrun" => &mut options.dry_run,
            "version" => &mut options.version,
            _ => return Err(format!("flag provided but not defined: -{flag}")),
        };
        *option = is_on;
    }
    Ok(options)
}

fn run(options: &Options, called_as: &Path, environment: &Environment, printer: &Printer) -> u8 {
    if options.version {
        return u8::from(printer.line(env!("CARGO_PKG_VERSION")).is_err());
    }
    let mut log = Log::new(options, printer);
    log.generate(options, called_as, environment);
    if log.failed {
        log.write("processing encountered some errors");
    }
    u8::from(log.failed)
}

/// Where messages go: the kernel's log, which is the only one there is for sure.
struct Log<'a> {
    printer: &'a Printer,
    verbose: bool,
    dry_run: bool,
    kernel: Option<cove_sys::fs::File>,
    failed: bool,
}

impl<'a> Log<'a> {
    fn new(options: &Options, printer: &'a Printer) -> Self {
        let mut open = cove_sys::fs::OpenOptions::new();
        let wanted = !options.no_kmsg_log && !options.dry_run;
        let kernel = if wanted { open.write(true).open("/dev/kmsg").ok() } else { None };
        let verbose = options.verbose || options.dry_run;
        Self { printer, verbose, dry_run: options.dry_run, kernel, failed: false }
    }

    fn write(&mut self, text: &str) {
        let line = format!("quadlet-generator[{}]: {text}", std::process::id());
        // One write is one message there.
        let line = cove_api::shown::line(&line);
        let is_written = self.kernel.as_mut().is_some_and(|kernel| kernel.write_all(line.as_bytes()).is_ok());
        if !is_written || self.dry_run {
            self.printer.error_line(&line);
        }
    }

    fn remark(&mut self, remark: &Remark) {
        match remark {
            Remark::Detail(_) if !self.verbose => {}
            Remark::Detail(text) | Remark::Warning(text) => self.write(text),
            Remark::Fault(text) => {
                self.failed = true;
                self.write(text);
            }
        }
    }

    fn fault(&mut self, text: impl Into<String>) {
        self.remark(&Remark::Fault(text.into()));
    }

    fn generate(&mut self, options: &Options, called_as: &Path, environment: &Environment) {
        let folder = match (&options.folder, options.dry_run) {
            (_, true) => None,
            (Some(folder), false) => Some(folder),
            (None, false) => return self.fault("missing output directory argument"),
        };
        let user = User::detect(environment, rustix::process::geteuid().as_raw());
        let folders =
            quadlet_places(environment, &user).folders(options.user, &mut |remark| self.remark(&remark));
        let units = cove_quadlet::load(&folders, &mut |remark| self.remark(&remark));
        if units.is_empty() {
            let folders = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>();
            let text = format!("No files parsed from [{}]", folders.join(" "));
            return self.remark(&Remark::Detail(text));
        }
        let program = std::env::current_exe().unwrap_or_else(|_| called_as.to_owned());
        let target = Target { program: program.display().to_string(), user: options.user };
        let services = cove_quadlet::generate(units, &target, &mut |remark| self.remark(&remark));
        let Some(folder) = folder else { return self.show(&services) };
        if let Err(error) = cove_sys::fs::create_dir_all(folder) {
            return self.fault(error.to_string());
        }
        for service in &services {
            self.remark(&Remark::Detail(format!("writing {:?}", folder.join(&service.name))));
            match cove_quadlet::write(folder, service, &called_as.display().to_string()) {
                Ok(faults) => faults.iter().for_each(|fault| self.fault(fault.to_string())),
                Err(error) => self.fault(format!("generating service file {}: {error}", service.name)),
            }
        }
    }

    fn show(&mut self, services: &[UnitFile]) {
        for service in services {
            let text = format!("---{}---\n{}\n", service.name, service.render());
            if self.printer.text(&text).is_err() {
                self.failed = true;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["quadlet", "cove-system-generator", "podman-user-generator", "quadlet-user-generator"] {
            assert!(is_generator(name), "{name}");
        }
        for name in ["cove", "podman", "docker", "quadlet.sh", "other-generator", "cove-generators"] {
            assert!(!is_generator(name), "{name}");
        }
    }

    #[test]
    fn arguments() {
        let parsed = |name: &str, words: &[&str]| {
            parse(name, &words.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let folder = Some(PathBuf::from("/out"));
        let none = Options::default();
        assert_eq!(
            parsed("quadlet", &["-v", "--no-kmsg-log", "/out", "/early", "/late"]),
            Ok(Options { verbose: true, no_kmsg_log: true, folder: folder.clone(), ..Options::default() })
        );
        assert_eq!(
            parsed("cove-user-generator", &["--dryrun"]),
            Ok(Options { user: true, dry_run: true, ..Options::default() })
        );
        assert_eq!(
            parsed("cove-user-generator", &["-user=false", "--", "/out"]),
            Ok(Options { folder, ..none })
        );
        assert_eq!(parsed("quadlet", &["-version"]), Ok(Options { version: true, ..Options::default() }));
        assert!(parsed("quadlet", &["--unknown"]).is_err() && parsed("quadlet", &["-v=maybe"]).is_err());
    }
}
