//! A script of commands.

use std::fmt::Write as _;

use super::flags::{self, Line};
use super::flags_pod;
use crate::loss::Losses;
use crate::model::{Application, Condition, Container};
use crate::shell;

/// The program of the commands.
const PROGRAM: &str = "cove";

/// A script for the shell: networks, volumes and pods, then the containers in their order. What is there already of
/// networks and volumes is no error.
pub fn run(application: &Application, losses: &mut Losses) -> String {
    let Application { name, containers, pods, networks, volumes } = application;
    let mut text = String::from("#!/bin/sh\n");
    if !name.is_empty() {
        let _ = writeln!(text, "# {}", name.replace(char::is_control, " "));
    }
    text.push_str("set -e\n");
    let mut commands: Vec<String> = Vec::new();
    let mut command = |words: Vec<String>| commands.push(shell::joined(&words));
    for network in networks.iter().filter(|network| !network.is_external) {
        let flags = flags_pod::network(&network.network, &mut losses.of(format!("network {}", network.key)));
        command(make(&["network", "create", "--ignore"], &flags.words(), &network.network.name));
    }
    for volume in volumes.iter().filter(|volume| !volume.is_external) {
        let flags = flags_pod::volume(&volume.options);
        command(make(&["volume", "create", "--ignore"], &flags.words(), &volume.options.name));
    }
    for pod in pods {
        let flags = flags_pod::pod(pod, &mut losses.of(format!("pod {}", pod.name)));
        command(make(&["pod", "create"], &flags.words(), &pod.name));
    }
    for container in in_order(containers) {
        for after in &container.after {
            let Some(first) = application.container(&after.key) else { continue };
            match after.condition {
                Condition::Started => {}
                Condition::Healthy => {
                    let name = name_of(first);
                    commands.push(shell::joined(&words(&[PROGRAM, "wait", "--condition", "healthy", &name])));
                }
                Condition::Completed => losses.of(container.object()).lost(
                    &format!("depends_on.{}.condition", after.key),
                    "the script does not wait until it has ended",
                ),
            }
        }
        let Line { flags, image, command: inner, folders, prepares } =
            flags::line(container, &mut losses.of(container.object()));
        for folder in &folders {
            commands.push(folder_made(folder));
        }
        let verb: &[&str] = if prepares.is_empty() { &["run", "--detach"] } else { &["create"] };
        let mut line = words(&[PROGRAM]);
        line.extend(words(verb));
        if !prepares.is_empty() {
            line.extend(words(&["--init-ctr", &prepares]));
        }
        line.extend(flags.words());
        line.push(image);
        line.extend(inner);
        commands.push(shell::joined(&line));
    }
    for line in commands {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Makes a folder of the host where nothing has its name.
pub(super) fn folder_made(folder: &str) -> String {
    let folder = shell::quoted(folder);
    format!("test -e {folder} || mkdir -p {folder}")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn make(verb: &[&str], flags: &[String], name: &str) -> Vec<String> {
    let mut line = words(&[PROGRAM]);
    line.extend(words(verb));
    line.extend(flags.iter().cloned());
    line.push(name.to_owned());
    line
}

/// The name by which the container is there.
fn name_of(container: &Container) -> String {
    if container.spec.name.is_empty() { container.key.clone() } else { container.spec.name.clone() }
}

/// Containers, each behind what it comes after.
pub(super) fn in_order(containers: &[Container]) -> Vec<&Container> {
    let mut ordered: Vec<&Container> = Vec::new();
    let mut left: Vec<&Container> = containers.iter().collect();
    while !left.is_empty() {
        let is_free = |container: &&Container| {
            !container.after.iter().any(|after| left.iter().any(|other| other.key == after.key))
        };
        // Those that wait for each other have no order.
        let at = left.iter().position(is_free).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}
