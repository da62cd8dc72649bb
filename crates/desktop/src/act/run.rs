//! Running an image.

use cove_api::{ContainerSpec, Engine, Error, PullPolicy, RegistryAccess, RemoveOptions, Result};
use cove_spec::volume::HostPaths;
use cove_spec::{environment, name, network, port, volume};

use crate::RunOptions;
use crate::act::images;
use crate::task::Task;

/// Makes and starts the container, after bringing its image where that is missing.
pub(crate) async fn run(
    engine: &dyn Engine,
    spec: ContainerSpec,
    access: RegistryAccess,
    task: &Task,
) -> Result<()> {
    if !engine.images().exists(&spec.image).await? {
        images::pull(engine, &spec.image, PullPolicy::Missing, access, task).await?;
    }
    // Between these steps there would be a container that nobody asked for.
    task.commit();
    task.message("Making the container");
    let report = engine.containers().create(spec).await?;
    task.container(&report.id);
    task.message("Starting it");
    if let Err(error) = engine.containers().start(&report.id).await {
        // Without a first run it holds nothing worth keeping.
        let options = RemoveOptions { force: true, volumes: true, ..RemoveOptions::default() };
        return match engine.containers().remove(&report.id, options).await {
            Ok(_) => Err(error),
            Err(_) => {
                Err(error.context(format!("container {} was made, but not started", short(&report.id))))
            }
        };
    }
    task.message(report.warnings.join("; "));
    Ok(())
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

/// What a form asks for, checked.
pub(crate) fn spec(options: &RunOptions) -> Result<ContainerSpec> {
    let image = options.image.trim();
    if image.is_empty() {
        return Err(Error::invalid("an image is needed"));
    }
    if !options.name.is_empty() {
        name::container(&options.name)?;
    }
    let mut spec = ContainerSpec {
        image: image.to_owned(),
        raw_image_name: image.to_owned(),
        name: options.name.clone(),
        command: words(&options.command)?,
        env: environment::parse(options.environment.iter().map(String::as_str), &[])?,
        portmappings: port::publish_all(options.ports.iter().map(String::as_str))?,
        remove: options.remove.then_some(true),
        pod: options.pod.clone(),
        ..ContainerSpec::default()
    };
    if !options.network.is_empty() {
        network::parse([options.network.as_str()])?.apply(&mut spec);
    }
    for text in &options.volumes {
        // The engine may be on another host, where the folder of this program means nothing.
        if text.starts_with(['.', '~']) {
            return Err(Error::invalid(format!("{text:?}: a path on the host must be absolute")));
        }
    }
    let paths = HostPaths { current_folder: "/".into(), windows: cfg!(windows), rootless: false };
    volume::parse_all(&options.volumes, &[], &[], &paths)?.apply(&mut spec);
    Ok(spec)
}

/// The words of a command as a POSIX shell splits it, without expansion (sh(1), Quoting).
pub(crate) fn words(text: &str) -> Result<Vec<String>> {
    shlex::split(text)
        .ok_or_else(|| Error::invalid(format!("the command {text:?} has a quote or \\ without its end")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_split_as_in_a_shell() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  sleep   1 ", &["sleep", "1"]),
            (r#"sh -c "echo \"$HOME\" \n""#, &["sh", "-c", r#"echo "$HOME" \n"#]),
            (r"echo 'a  b' c\ d ''", &["echo", "a  b", "c d", ""]),
            (r#"a"b"'c'"#, &["abc"]),
        ];
        for (text, wanted) in cases {
            assert_eq!(words(text).unwrap(), *wanted, "{text}");
        }
        for text in ["'a", "\"a", "a\\", "\"a\\"] {
            assert!(words(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_form_becomes_a_spec() {
        let options = RunOptions {
            image: " alpine ".into(),
            name: "box".into(),
            command: "sleep 5".into(),
            ports: vec!["8080:80".into()],
            environment: vec!["A=1".into()],
            volumes: vec!["data:/data".into(), "/srv:/srv:ro".into()],
            remove: true,
            pod: "duo".into(),
            network: "shop".into(),
        };
        let spec = spec(&options).unwrap();
        assert_eq!((spec.image.as_str(), spec.name.as_str()), ("alpine", "box"));
        assert_eq!(spec.command, ["sleep", "5"]);
        assert_eq!((spec.portmappings[0].host_port, spec.portmappings[0].container_port), (8080, 80));
        assert_eq!(spec.env["A"], "1");
        assert_eq!((spec.volumes[0].name.as_str(), spec.mounts[0].source.as_str()), ("data", "/srv"));
        assert_eq!(spec.remove, Some(true));
        assert_eq!((spec.pod.as_str(), spec.networks.contains_key("shop")), ("duo", true));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let good = RunOptions { image: "alpine".into(), ..RunOptions::default() };
        for bad in [
            RunOptions { image: " ".into(), ..good.clone() },
            RunOptions { name: "a b".into(), ..good.clone() },
            RunOptions { ports: vec!["x".into()], ..good.clone() },
            RunOptions { volumes: vec!["./x:/x".into()], ..good.clone() },
            RunOptions { command: "'".into(), ..good.clone() },
        ] {
            assert!(spec(&bad).is_err(), "{bad:?}");
        }
    }
}
