//! The unit of a container.

use cove_api::{Error, Result, SystemdUnitOptions};

use super::command::{Created, escape, lines};
use super::text::{Unit, Writer};

/// What a unit says of a container.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    /// Its id, for messages.
    pub(super) id: String,
    /// Its name or id, as units call it.
    pub(super) named: String,
    /// The name of its unit.
    pub(super) service: String,
    /// Seconds between stop signal and SIGKILL.
    pub(super) stop_timeout: u32,
    /// The file with its monitor's pid.
    pub(super) pid_file: String,
    /// The command that created it; empty where none did.
    pub(super) command: Vec<String>,
    /// Its environment.
    pub(super) environment: Vec<String>,
    /// The engine's run root.
    pub(super) run_root: String,
    /// Units that it is bound to: its pod's, and those of containers it needs.
    pub(super) bound_to: Vec<String>,
    /// The file with its pod's id, where its unit makes it in one.
    pub(super) pod_id_file: Option<String>,
}

/// The unit's text.
pub(super) fn unit(container: &Container, writer: &Writer, options: &SystemdUnitOptions) -> Result<String> {
    let stop_timeout = options.stop_timeout.unwrap_or(container.stop_timeout);
    let mut bound_to = container.bound_to.clone();
    bound_to.sort();
    let services: Vec<String> = bound_to.iter().map(|name| format!("{name}.service")).collect();
    let mut unit = Unit {
        name: container.service.clone(),
        run_root: if options.new { "%t/containers".into() } else { container.run_root.clone() },
        relations: match services.join(" ") {
            services if services.is_empty() => Vec::new(),
            services => vec![format!("BindsTo={services}"), format!("After={services}")],
        },
        stop_timeout,
        ..Unit::default()
    };
    if options.new {
        making(container, writer, options, &mut unit)?;
    } else {
        let stop = format!("{} stop \\\n\t-t {stop_timeout} {}", writer.engine, container.named);
        unit.runs = vec![
            ("ExecStart", format!("{} start {}", writer.engine, container.named)),
            ("ExecStop", stop.clone()),
            ("ExecStopPost", stop),
            ("PIDFile", container.pid_file.clone()),
            ("Type", "forking".into()),
        ];
    }
    Ok(unit.text(writer, options))
}

/// A unit that makes the container at each start and removes it at its end.
fn making(
    container: &Container,
    writer: &Writer,
    options: &SystemdUnitOptions,
    unit: &mut Unit,
) -> Result<()> {
    let command = &container.command;
    if command.is_empty() {
        return Err(Error::invalid(format!(
            "cannot use --new on container {:?}: no create command found: only works on containers created directly with cove or podman, not over the API",
            container.id
        )));
    }
    let mut created = Created::parse(command, &[&["run"], &["create"]]).ok_or_else(|| {
        Error::invalid(format!("container's create command is too short or invalid: {command:?}"))
    })?;
    if created.global.last().is_some_and(|word| word == "container") {
        created.global.pop();
    }
    restart(&created, unit);
    // A variable without a value is that of whoever calls, which is systemd now.
    for name in created.values(&["-e", "--env"]).into_iter().filter(|name| !name.contains('=')) {
        let is_it = |variable: &&String| variable.split('=').next() == Some(name);
        unit.environment.extend(container.environment.iter().find(is_it).cloned());
    }
    let mut words = vec![writer.program.clone()];
    words.extend(created.global.iter().map(|word| escape(word)));
    // The engine that makes it stops and removes it too.
    let engine = lines(&words);
    words.extend(["run", "--cidfile=%t/%n.ctr-id", "--cgroups=no-conmon", "--rm"].map(String::from));
    for name in ["--rm", "--cgroups", "--cidfile", "--restart"] {
        created.remove(&[name]);
    }
    if let Some(file) = &container.pod_id_file {
        words.extend(["--pod-id-file".to_owned(), file.clone()]);
        for name in ["--pod", "--pod-id-file"] {
            created.remove(&[name]);
        }
    }
    match created.values(&["--sdnotify"]).last() {
        Some(&policy) if policy != "ignore" => {}
        _ => {
            created.remove(&["--sdnotify"]);
            words.push("--sdnotify=conmon".into());
        }
    }
    if !created.is_set(&["-d", "--detach"]) {
        created.remove(&["-d"]);
        created.remove(&["--detach"]);
        words.push("-d".into());
    }
    let named = !created.values(&["--name"]).is_empty();
    if named && !created.is_set(&["--replace"]) {
        created.remove(&["--replace"]);
        words.push("--replace".into());
    }
    if options.template {
        unit.template = true;
        instance(&mut created, &container.service);
    }
    // What stands here is the unit's; what was typed must not mean anything to systemd, but for an instance's name.
    let typed = created.options.iter().chain(&created.arguments);
    words.extend(typed.map(|word| escape(word).replace(INSTANCE, "%i")));
    let stop_timeout = unit.stop_timeout;
    unit.runs = vec![
        ("ExecStart", lines(&words)),
        ("ExecStop", format!("{engine} stop \\\n\t--ignore -t {stop_timeout} \\\n\t--cidfile=%t/%n.ctr-id")),
        (
            "ExecStopPost",
            format!("{engine} rm \\\n\t-f \\\n\t--ignore -t {stop_timeout} \\\n\t--cidfile=%t/%n.ctr-id"),
        ),
        ("Type", "notify".into()),
        ("NotifyAccess", "all".into()),
    ];
    Ok(())
}

/// systemd restarts it in place of the engine.
fn restart(created: &Created, unit: &mut Unit) {
    let Some(policy) = created.values(&["--restart"]).last().copied().filter(|policy| !policy.is_empty())
    else {
        return;
    };
    let (policy, times) =
        policy.split_once(':').map_or((policy, None), |(policy, times)| (policy, Some(times)));
    unit.start_limit =
        times.filter(|times| !times.is_empty() && times.bytes().all(|b| b.is_ascii_digit())).map(Into::into);
    unit.restart = Some(match policy {
        "unless-stopped" | "always" => "always".into(),
        "no" | "never" => "no".into(),
        _ => "on-failure".into(),
    });
}

/// Stands for an instance's name until the words around it are escaped: no argument holds this.
const INSTANCE: &str = "\0";

/// The container's name gets that of the instance.
fn instance(created: &mut Created, service: &str) {
    let words = &mut created.options;
    if let Some(at) = words.iter().position(|word| word == "--name")
        && let Some(name) = words.get_mut(at + 1)
    {
        *name = format!("{name}-{INSTANCE}");
    } else if let Some(word) = words.iter_mut().find(|word| word.starts_with("--name=")) {
        *word = format!("{word}-{INSTANCE}");
    } else {
        words.insert(0, format!("--name={service}-{INSTANCE}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        Writer { program: "/usr/bin/cove".into(), engine: "/usr/bin/cove".into(), time: "now".into() }
    }

    fn container(command: &str) -> Container {
        Container {
            id: "abc".into(),
            named: "abc".into(),
            service: "container-abc".into(),
            stop_timeout: 10,
            pid_file: "/run/abc.pid".into(),
            command: command.split(' ').map(str::to_owned).collect(),
            run_root: "/run/containers/storage".into(),
            ..Container::default()
        }
    }

    #[test]
    fn a_unit_starts_and_stops_what_exists() {
        let options = SystemdUnitOptions { no_header: true, ..Default::default() };
        let text = unit(&container(""), &writer(), &options).unwrap();
        assert_eq!(
            text,
            "# container-abc.service\n\n[Unit]\nDescription=Podman container-abc.service\n\
             Documentation=man:cove-generate-systemd(1)\nWants=network-online.target\nAfter=network-online.target\n\
             RequiresMountsFor=/run/containers/storage\n\n[Service]\nEnvironment=PODMAN_SYSTEMD_UNIT=%n\n\
             Restart=on-failure\nTimeoutStopSec=70\nExecStart=/usr/bin/cove start abc\n\
             ExecStop=/usr/bin/cove stop \\\n\t-t 10 abc\nExecStopPost=/usr/bin/cove stop \\\n\t-t 10 abc\n\
             PIDFile=/run/abc.pid\nType=forking\n\n[Install]\nWantedBy=default.target\n"
        );
    }

    #[test]
    fn a_unit_makes_it_anew() {
        let command =
            "cove --root /r run --rm --restart=on-failure:3 --name web -e A=b -p 80:80 img sh -c $X";
        let options = SystemdUnitOptions { new: true, ..Default::default() };
        let text = unit(&container(command), &writer(), &options).unwrap();
        let start = "ExecStart=/usr/bin/cove \\\n\t--root /r run \\\n\t--cidfile=%t/%n.ctr-id \\\n\t\
            --cgroups=no-conmon \\\n\t--rm \\\n\t--sdnotify=conmon \\\n\t-d \\\n\t--replace \\\n\t--name web \\\n\t\
            -e A=b \\\n\t-p 80:80 img sh \\\n\t-c $$X\n";
        assert!(text.contains(start), "{text}");
        for line in
            ["Restart=on-failure\nStartLimitBurst=3", "Type=notify\nNotifyAccess=all", "# autogenerated by"]
        {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(text.contains("ExecStop=/usr/bin/cove \\\n\t--root /r stop"), "{text}");
        let error =
            unit(&Container { command: Vec::new(), ..container("") }, &writer(), &options).unwrap_err();
        assert!(error.message.contains("no create command"), "{}", error.message);
    }

    #[test]
    fn a_template_names_its_instances() {
        let options = SystemdUnitOptions { new: true, template: true, ..Default::default() };
        for (command, name) in [
            ("cove run --name=web img 5%", "--name=web-%i img 5%%"),
            ("cove create img", "--name=container-abc-%i img"),
        ] {
            let text = unit(&container(command), &writer(), &options).unwrap();
            assert!(text.contains(name), "{text}");
            assert!(text.starts_with("# container-abc@.service\n"), "{text}");
            assert!(text.contains("Description=Podman container-abc.service for %I\n"), "{text}");
            assert!(text.contains("Environment=PODMAN_SYSTEMD_UNIT=%n-%i\n"), "{text}");
        }
    }

    #[test]
    fn variables_of_the_caller_are_kept() {
        let with = Container { environment: vec!["A=1 2".into()], ..container("cove run -e A --env B img") };
        let options = SystemdUnitOptions { new: true, ..Default::default() };
        let text = unit(&with, &writer(), &options).unwrap();
        assert!(text.contains("Environment=\"A=1 2\"\n") && !text.contains("Environment=B"), "{text}");
    }
}
