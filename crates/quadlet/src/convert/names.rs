//! What services and what they make are called before anything is converted.

use crate::convert::Known;
use crate::kind::Kind;
use crate::unit::UnitFile;

/// What others may refer to of a unit, as far as its own file says it.
pub(crate) fn known(file: &UnitFile, kind: Kind) -> Known {
    let service = service(file, kind);
    // What else is made is named when its file is converted, which is before those are that refer to it.
    let resource = match kind {
        Kind::Container => resolved_container(file, &service),
        Kind::Build => file.all("Build", "ImageTag").first().map(|tag| tag.value.clone()).unwrap_or_default(),
        Kind::Pod => resource(file, "Pod", "PodName"),
        _ => String::new(),
    };
    Known { service, resource, started_with: Vec::new() }
}

/// The name of a file without its extension.
fn stem(file: &UnitFile) -> &str {
    file.name.rsplit_once('.').map_or(file.name.as_str(), |(stem, _)| stem)
}

/// The name of a template, and of which instance.
pub(crate) fn template(name: &str) -> Option<(&str, &str)> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.split_once('@')
}

/// True for what is no unit before it has an instance.
pub(super) fn is_template(file: &UnitFile) -> bool {
    template(&file.name).is_some_and(|(_, instance)| instance.is_empty())
}

fn service(file: &UnitFile, kind: Kind) -> String {
    if let Some(name) = file.text(kind.section(), "ServiceName") {
        return name.to_owned();
    }
    match stem(file).strip_suffix('@') {
        Some(base) => format!("{base}{}@", kind.suffix()),
        None => format!("{}{}", stem(file), kind.suffix()),
    }
}

/// The name of a container, with specifiers.
pub(super) fn container(file: &UnitFile) -> String {
    match file.text("Container", "ContainerName") {
        Some(name) => name.to_owned(),
        None if template(&file.name).is_some() => "systemd-%p_%i".to_owned(),
        None => "systemd-%N".to_owned(),
    }
}

/// The name of a container for other units, where specifiers would mean something else.
fn resolved_container(file: &UnitFile, service: &str) -> String {
    let name = container(file).replace("%N", service);
    if name.contains('%') { String::new() } else { name }
}

/// The name of what a unit makes, by its key or by its file.
pub(super) fn resource(file: &UnitFile, section: &str, key: &str) -> String {
    match (file.text(section, key), template(&file.name)) {
        (Some(name), _) => name.to_owned(),
        (None, Some((base, _))) => format!("systemd-{base}-%i"),
        (None, None) => format!("systemd-{}", stem(file)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn names() {
        let cases = [
            ("web.container", "", "web", "systemd-web"),
            ("web@.container", "", "web@", ""),
            ("web@a.container", "", "web@a", ""),
            ("web.container", "ContainerName=x-%N", "web", "x-web"),
            ("web.container", "ContainerName=x-%i", "web", ""),
            ("web.container", "ServiceName=other", "other", "systemd-other"),
            ("data.volume", "", "data-volume", ""),
            ("data@.volume", "", "data-volume@", ""),
            ("a.pod", "", "a-pod", "systemd-a"),
            ("a@.pod", "", "a-pod@", "systemd-a-%i"),
            ("a.pod", "PodName=b", "a-pod", "b"),
            ("a.build", "ImageTag=one\nImageTag=two", "a-build", "one"),
            ("a.kube", "", "a", ""),
            ("a.image", "", "a-image", ""),
            ("a.network", "", "a-network", ""),
            ("a.artifact", "", "a-artifact", ""),
        ];
        for (name, lines, service, resource) in cases {
            let kind = Kind::of(name).unwrap();
            let text = format!("[{}]\n{lines}\n", kind.section());
            let file = UnitFile::parse(Path::new(name), &text).unwrap();
            let known = known(&file, kind);
            assert_eq!(
                (known.service.as_str(), known.resource.as_str()),
                (service, resource),
                "{name} {lines}"
            );
        }
    }
}
