//! Whose namespaces and which network a container has.

use std::path::PathBuf;

use cove_api::{ContainerSpec, Error, Namespace, Result};
use cove_config::ContainersConf;

use crate::state::{IpcMode, NamespaceMode, Namespaces, NetworkMode};

/// The namespaces but for the network's; containers in the request are whole ids.
pub(super) fn namespaces(spec: &ContainerSpec, conf: &ContainersConf) -> Result<Namespaces> {
    let conf = &conf.containers;
    Ok(Namespaces {
        pid: mode("pid", &chosen(&spec.pidns, conf.pidns.as_deref()))?,
        uts: mode("uts", &chosen(&spec.utsns, conf.utsns.as_deref()))?,
        cgroup: mode("cgroup", &chosen(&spec.cgroupns, conf.cgroupns.as_deref()))?,
        ipc: ipc(&chosen(&spec.ipcns, conf.ipcns.as_deref()))?,
    })
}

/// What the user chose, else what containers.conf says.
pub(super) fn chosen(asked: &Namespace, configured: Option<&str>) -> Namespace {
    match configured {
        Some(mode) if asked.is_default() && !mode.is_empty() => Namespace::new(mode),
        _ => asked.clone(),
    }
}

fn mode(kind: &str, wanted: &Namespace) -> Result<NamespaceMode> {
    Ok(match wanted.nsmode.as_str() {
        "" | "default" | "private" => NamespaceMode::Private,
        "host" => NamespaceMode::Host,
        "container" => NamespaceMode::Container(value(kind, wanted)?),
        "path" => NamespaceMode::Path(value(kind, wanted).map(PathBuf::from)?),
        other => return Err(Error::invalid(format!("invalid {kind} namespace mode {other:?}"))),
    })
}

fn ipc(wanted: &Namespace) -> Result<IpcMode> {
    Ok(match wanted.nsmode.as_str() {
        "shareable" => IpcMode::Shareable,
        "none" => IpcMode::None,
        _ => match mode("ipc", wanted)? {
            NamespaceMode::Private => IpcMode::Private,
            NamespaceMode::Host => IpcMode::Host,
            NamespaceMode::Container(id) => IpcMode::Container(id),
            NamespaceMode::Path(path) => IpcMode::Path(path),
        },
    })
}

fn value(kind: &str, wanted: &Namespace) -> Result<String> {
    if wanted.value.is_empty() {
        return Err(Error::invalid(format!(
            "the {kind} namespace mode {:?} must name the {} whose namespace is to be shared",
            wanted.nsmode, wanted.nsmode
        )));
    }
    Ok(wanted.value.clone())
}

/// How it is networked.
pub(super) fn network(spec: &ContainerSpec, conf: &ContainersConf, rootless: bool) -> Result<NetworkMode> {
    let by_default = match conf.network.default_rootless_network_cmd.as_deref() {
        _ if !rootless => NetworkMode::Bridge,
        Some("slirp4netns") => NetworkMode::Slirp,
        _ => NetworkMode::Userland,
    };
    if spec.netns.is_default() || spec.netns.nsmode == "private" {
        if !spec.networks.is_empty() {
            return Ok(NetworkMode::Bridge);
        }
        if spec.netns.is_default() {
            return Ok(match conf.containers.netns.as_deref() {
                Some("host") => NetworkMode::Host,
                Some("none") => NetworkMode::None,
                Some("bridge") => NetworkMode::Bridge,
                Some("pasta") => NetworkMode::Userland,
                Some("slirp4netns") => NetworkMode::Slirp,
                _ if spec.netns.value == "bridge" => NetworkMode::Bridge,
                _ => by_default,
            });
        }
        return Ok(by_default);
    }
    Ok(match spec.netns.nsmode.as_str() {
        "bridge" => NetworkMode::Bridge,
        "none" => NetworkMode::None,
        "host" => NetworkMode::Host,
        "container" => NetworkMode::Container(value("network", &spec.netns)?),
        "path" => NetworkMode::Path(value("network", &spec.netns)?),
        "pasta" if rootless => NetworkMode::Pasta,
        "pasta" => {
            return Err(Error::unsupported("pasta networking is only supported for rootless mode"));
        }
        "slirp4netns" => NetworkMode::Slirp,
        other => return Err(Error::invalid(format!("invalid network mode {other:?}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Docker's clients connect a container that was made without a network to others later.
    #[test]
    fn what_is_the_default_may_be_asked_for() {
        let of = |netns: Namespace, configured: Option<&str>| {
            let mut conf = ContainersConf::default();
            conf.containers.netns = configured.map(str::to_owned);
            network(&ContainerSpec { netns, ..ContainerSpec::default() }, &conf, true).unwrap()
        };
        let dockers = || Namespace { nsmode: "default".into(), value: "bridge".into() };
        assert_eq!(of(dockers(), None), NetworkMode::Bridge);
        assert_eq!(of(dockers(), Some("private")), NetworkMode::Bridge);
        assert_eq!(of(dockers(), Some("pasta")), NetworkMode::Userland);
        assert_eq!(of(Namespace::new("default"), None), NetworkMode::Userland);
    }

    #[test]
    fn modes_are_typed() {
        let conf = ContainersConf::default();
        let of = |nsmode: &str, value: &str| {
            let namespace = Namespace { nsmode: nsmode.into(), value: value.into() };
            let spec =
                ContainerSpec { pidns: namespace.clone(), ipcns: namespace, ..ContainerSpec::default() };
            namespaces(&spec, &conf).map(|all| (all.pid, all.ipc))
        };
        assert_eq!(of("", "").unwrap(), (NamespaceMode::Private, IpcMode::Private));
        assert_eq!(of("host", "").unwrap(), (NamespaceMode::Host, IpcMode::Host));
        let id = || "ab".to_owned();
        assert_eq!(
            of("container", "ab").unwrap(),
            (NamespaceMode::Container(id()), IpcMode::Container(id()))
        );
        for (mode, value) in [("container", ""), ("path", ""), ("shareable", ""), ("nonsense", "")] {
            assert!(of(mode, value).is_err(), "{mode}");
        }
    }
}
