//! The units of a pod: one for its infra container, which holds the rest, and one for each other container.

use std::collections::BTreeMap;

use cove_api::{Error, Result, SystemdUnitOptions};

use super::command::{Created, escape, lines};
use super::container::{self, Container};
use super::text::{Unit, Writer};

/// What units say of a pod.
#[derive(Debug, Clone, Default)]
pub(super) struct Pod {
    /// Its id, for messages.
    pub(super) id: String,
    /// The name of its unit.
    pub(super) service: String,
    /// The command that created it; empty where none did.
    pub(super) command: Vec<String>,
    /// Its infra container.
    pub(super) infra: Container,
    /// The others.
    pub(super) members: Vec<Container>,
}

/// The texts by the names of the units.
pub(super) fn units(
    pod: &Pod,
    writer: &Writer,
    options: &SystemdUnitOptions,
) -> Result<BTreeMap<String, String>> {
    let mut services: Vec<&str> = pod.members.iter().map(|member| member.service.as_str()).collect();
    services.sort_unstable();
    let services: Vec<String> = services.iter().map(|name| format!("{name}.service")).collect();
    let services = services.join(" ");
    let mut unit = Unit {
        name: pod.service.clone(),
        run_root: pod.infra.run_root.clone(),
        relations: vec![format!("Wants={services}"), format!("Before={services}")],
        stop_timeout: options.stop_timeout.unwrap_or(pod.infra.stop_timeout),
        ..Unit::default()
    };
    let id_file = format!("%t/{}.pod-id", pod.service);
    if options.new {
        unit.runs = making(pod, writer, &unit, &id_file)?;
    } else {
        let infra = &pod.infra.named;
        let stop = format!("{} stop \\\n\t-t {} {infra}", writer.engine, unit.stop_timeout);
        unit.runs = vec![
            ("ExecStart", format!("{} start {infra}", writer.engine)),
            ("ExecStop", stop.clone()),
            ("ExecStopPost", stop),
            ("PIDFile", pod.infra.pid_file.clone()),
            ("Type", "forking".into()),
        ];
    }
    let mut texts = BTreeMap::from([(pod.service.clone(), unit.text(writer, options))]);
    for member in &pod.members {
        let member = Container { pod_id_file: options.new.then(|| id_file.clone()), ..member.clone() };
        texts.insert(member.service.clone(), container::unit(&member, writer, options)?);
    }
    Ok(texts)
}

/// A unit that makes the pod at each start and removes it at its end.
fn making(pod: &Pod, writer: &Writer, unit: &Unit, id_file: &str) -> Result<Vec<(&'static str, String)>> {
    if pod.command.is_empty() {
        return Err(Error::invalid(format!("cannot use --new on pod {:?}: no create command found", pod.id)));
    }
    let mut created = Created::parse(&pod.command, &[&["pod", "create"]]).ok_or_else(|| {
        Error::invalid(format!("pod does not appear to be created via `pod create`: {:?}", pod.command))
    })?;
    for name in ["--pod-id-file", "--infra-conmon-pidfile"] {
        created.remove(&[name]);
    }
    let pid_file = format!("%t/{}.pid", pod.service);
    let mut words = vec![writer.program.clone()];
    let global: Vec<String> = created.global.iter().map(|word| escape(word)).collect();
    words.extend(global.iter().cloned());
    let own = ["pod", "create", "--infra-conmon-pidfile", &pid_file, "--pod-id-file", id_file];
    words.extend(own.map(str::to_owned));
    if created.values(&["--exit-policy"]).is_empty() {
        words.push("--exit-policy=stop".into());
    }
    let named = !created.values(&["--name"]).is_empty();
    if named && !created.is_set(&["--replace"]) {
        created.remove(&["--replace"]);
        words.push("--replace".into());
    }
    words.extend(created.options.iter().chain(&created.arguments).map(|word| escape(word)));
    let of_pod = |verb: &str| {
        let mut words = vec![writer.program.clone()];
        words.extend(global.iter().cloned());
        words.extend(["pod", verb].map(str::to_owned));
        words
    };
    let end = |verb: &str, flags: &[&str]| {
        let mut words = of_pod(verb);
        words.extend(flags.iter().map(|flag| (*flag).to_owned()));
        words.extend(["--pod-id-file".to_owned(), id_file.to_owned()]);
        words
    };
    let mut stop = end("stop", &["--ignore"]);
    stop.extend(["-t".to_owned(), unit.stop_timeout.to_string()]);
    Ok(vec![
        ("ExecStartPre", lines(&words)),
        ("ExecStart", lines(&end("start", &[]))),
        ("ExecStop", lines(&stop)),
        ("ExecStopPost", lines(&end("rm", &["--ignore", "-f"]))),
        ("PIDFile", pid_file),
        ("Type", "forking".into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_and_its_container_are_bound_to_each_other() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let member = Container {
            named: "web".into(),
            service: "container-web".into(),
            command: words("cove run -d --pod p --name web img"),
            bound_to: vec!["pod-p".into()],
            ..Container::default()
        };
        let pod = Pod {
            id: "1".into(),
            service: "pod-p".into(),
            command: words("cove pod create --name p"),
            infra: Container { stop_timeout: 10, run_root: "/run/x".into(), ..Container::default() },
            members: vec![member],
        };
        let writer = Writer { program: "/bin/cove".into(), engine: "/bin/cove".into(), time: "now".into() };
        let options = SystemdUnitOptions { new: true, ..Default::default() };
        let units = units(&pod, &writer, &options).unwrap();
        let text = &units["pod-p"];
        for line in [
            "Wants=container-web.service\nBefore=container-web.service\n",
            "ExecStartPre=/bin/cove pod create \\\n\t--infra-conmon-pidfile %t/pod-p.pid \\\n\t--pod-id-file %t/pod-p.pod-id \\\n\t--exit-policy=stop \\\n\t--replace \\\n\t--name p\n",
            "ExecStart=/bin/cove pod start \\\n\t--pod-id-file %t/pod-p.pod-id\n",
            "ExecStop=/bin/cove pod stop \\\n\t--ignore \\\n\t--pod-id-file %t/pod-p.pod-id \\\n\t-t 10\n",
            "PIDFile=%t/pod-p.pid\nType=forking\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let text = &units["container-web"];
        assert!(text.contains("BindsTo=pod-p.service\nAfter=pod-p.service\n"), "{text}");
        assert!(text.contains("--pod-id-file %t/pod-p.pod-id") && !text.contains("--pod p"), "{text}");
    }
}
