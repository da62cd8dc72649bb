//! The kinds of unit files and the keys of their sections.

/// What a unit file describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An artifact that is pulled.
    Artifact,
    /// An image that is built.
    Build,
    /// A container.
    Container,
    /// An image that is pulled.
    Image,
    /// Kubernetes YAML.
    Kube,
    /// A network.
    Network,
    /// A pod.
    Pod,
    /// A volume.
    Volume,
}

struct Facts {
    kind: Kind,
    /// Of the file's name, without the dot.
    extension: &'static str,
    section: &'static str,
    /// What the section is called in the service, which systemd ignores.
    kept_as: &'static str,
    /// What the service's name has after the file's.
    suffix: &'static str,
    /// Whose names others need is turned into a service before those.
    order: u8,
    keys: &'static [&'static str],
}

impl Kind {
    /// All of them, by name.
    pub const ALL: [Self; 8] = [
        Self::Artifact,
        Self::Build,
        Self::Container,
        Self::Image,
        Self::Kube,
        Self::Network,
        Self::Pod,
        Self::Volume,
    ];

    /// The kind of a file of that name; `None` for what is no unit file, such as hidden files.
    pub fn of(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() || stem.starts_with('.') {
            return None;
        }
        FACTS.iter().find(|facts| facts.extension == extension).map(|facts| facts.kind)
    }

    /// The kind whose section has that name, in any spelling of its letters.
    pub(crate) fn of_section(name: &str) -> Option<Self> {
        FACTS.iter().find(|facts| facts.section.eq_ignore_ascii_case(name)).map(|facts| facts.kind)
    }

    /// The extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        self.facts().extension
    }
    /// The name of its section.
    pub fn section(self) -> &'static str {
        self.facts().section
    }
    pub(crate) fn kept_as(self) -> &'static str {
        self.facts().kept_as
    }
    pub(crate) fn suffix(self) -> &'static str {
        self.facts().suffix
    }
    pub(crate) fn order(self) -> u8 {
        self.facts().order
    }
    /// The keys that its section may have.
    pub fn keys(self) -> &'static [&'static str] {
        self.facts().keys
    }

    fn facts(self) -> &'static Facts {
        // FACTS has them in the order of the enum; a test holds that.
        &FACTS[self as usize]
    }
}

static FACTS: [Facts; 8] = [
    Facts {
        kind: Kind::Artifact,
        extension: "artifact",
        section: "Artifact",
        kept_as: "X-Artifact",
        suffix: "-artifact",
        order: 1,
        keys: &[
            "Artifact",
            "AuthFile",
            "CertDir",
            "ContainersConfModule",
            "Creds",
            "DecryptionKey",
            "GlobalArgs",
            "PodmanArgs",
            "Quiet",
            "Retry",
            "RetryDelay",
            "ServiceName",
            "TLSVerify",
        ],
    },
    Facts {
        kind: Kind::Build,
        extension: "build",
        section: "Build",
        kept_as: "X-Build",
        suffix: "-build",
        order: 3,
        keys: &[
            "Annotation",
            "Arch",
            "AuthFile",
            "BuildArg",
            "ContainersConfModule",
            "DNS",
            "DNSOption",
            "DNSSearch",
            "Environment",
            "File",
            "ForceRM",
            "GlobalArgs",
            "GroupAdd",
            "IgnoreFile",
            "ImageTag",
            "Label",
            "Network",
            "PodmanArgs",
            "Pull",
            "Retry",
            "RetryDelay",
            "Secret",
            "ServiceName",
            "SetWorkingDirectory",
            "TLSVerify",
            "Target",
            "Variant",
            "Volume",
        ],
    },
    Facts {
        kind: Kind::Container,
        extension: "container",
        section: "Container",
        kept_as: "X-Container",
        suffix: "",
        order: 4,
        keys: &[
            "AddCapability",
            "AddDevice",
            "AddHost",
            "Annotation",
            "AppArmor",
            "AutoUpdate",
            "CgroupsMode",
            "ContainerName",
            "ContainersConfModule",
            "DNS",
            "DNSOption",
            "DNSSearch",
            "DropCapability",
            "Entrypoint",
            "Environment",
            "EnvironmentFile",
            "EnvironmentHost",
            "Exec",
            "ExposeHostPort",
            "GIDMap",
            "GlobalArgs",
            "Group",
            "GroupAdd",
            "HealthCmd",
            "HealthInterval",
            "HealthLogDestination",
            "HealthMaxLogCount",
            "HealthMaxLogSize",
            "HealthOnFailure",
            "HealthRetries",
            "HealthStartPeriod",
            "HealthStartupCmd",
            "HealthStartupInterval",
            "HealthStartupRetries",
            "HealthStartupSuccess",
            "HealthStartupTimeout",
            "HealthTimeout",
            "HostName",
            "HttpProxy",
            "IP",
            "IP6",
            "Image",
            "Label",
            "LogDriver",
            "LogOpt",
            "Mask",
            "Memory",
            "Mount",
            "Network",
            "NetworkAlias",
            "NoNewPrivileges",
            "Notify",
            "PidsLimit",
            "Pod",
            "PodmanArgs",
            "PublishPort",
            "Pull",
            "ReadOnly",
            "ReadOnlyTmpfs",
            "ReloadCmd",
            "ReloadSignal",
            "RemapGid",
            "RemapUid",
            "RemapUidSize",
            "RemapUsers",
            "Retry",
            "RetryDelay",
            "Rootfs",
            "RunInit",
            "SeccompProfile",
            "Secret",
            "SecurityLabelDisable",
            "SecurityLabelFileType",
            "SecurityLabelLevel",
            "SecurityLabelNested",
            "SecurityLabelType",
            "ServiceName",
            "ShmSize",
            "StartWithPod",
            "StopSignal",
            "StopTimeout",
            "SubGIDMap",
            "SubUIDMap",
            "Sysctl",
            "Timezone",
            "Tmpfs",
            "UIDMap",
            "Ulimit",
            "Unmask",
            "User",
            "UserNS",
            "VolatileTmp",
            "Volume",
            "WorkingDir",
        ],
    },
    Facts {
        kind: Kind::Image,
        extension: "image",
        section: "Image",
        kept_as: "X-Image",
        suffix: "-image",
        order: 1,
        keys: &[
            "AllTags",
            "Arch",
            "AuthFile",
            "CertDir",
            "ContainersConfModule",
            "Creds",
            "DecryptionKey",
            "GlobalArgs",
            "Image",
            "ImageTag",
            "OS",
            "PodmanArgs",
            "Policy",
            "Retry",
            "RetryDelay",
            "ServiceName",
            "TLSVerify",
            "Variant",
        ],
    },
    Facts {
        kind: Kind::Kube,
        extension: "kube",
        section: "Kube",
        kept_as: "X-Kube",
        suffix: "",
        order: 4,
        keys: &[
            "AutoUpdate",
            "ConfigMap",
            "ContainersConfModule",
            "ExitCodePropagation",
            "GlobalArgs",
            "KubeDownForce",
            "LogDriver",
            "LogOpt",
            "Network",
            "PodmanArgs",
            "PublishPort",
            "RemapGid",
            "RemapUid",
            "RemapUidSize",
            "RemapUsers",
            "ServiceName",
            "SetWorkingDirectory",
            "UserNS",
            "Yaml",
        ],
    },
    Facts {
        kind: Kind::Network,
        extension: "network",
        section: "Network",
        kept_as: "X-Network",
        suffix: "-network",
        order: 2,
        keys: &[
            "ContainersConfModule",
            "DNS",
            "DisableDNS",
            "Driver",
            "Gateway",
            "GlobalArgs",
            "IPAMDriver",
            "IPRange",
            "IPv6",
            "InterfaceName",
            "Internal",
            "Label",
            "NetworkDeleteOnStop",
            "NetworkName",
            "Options",
            "PodmanArgs",
            "ServiceName",
            "Subnet",
        ],
    },
    Facts {
        kind: Kind::Pod,
        extension: "pod",
        section: "Pod",
        kept_as: "X-Pod",
        suffix: "-pod",
        order: 5,
        keys: &[
            "AddHost",
            "ContainersConfModule",
            "DNS",
            "DNSOption",
            "DNSSearch",
            "ExitPolicy",
            "GIDMap",
            "GlobalArgs",
            "HostName",
            "IP",
            "IP6",
            "Label",
            "Network",
            "NetworkAlias",
            "PodName",
            "PodmanArgs",
            "PublishPort",
            "RemapGid",
            "RemapUid",
            "RemapUidSize",
            "RemapUsers",
            "ServiceName",
            "ShmSize",
            "StopTimeout",
            "SubGIDMap",
            "SubUIDMap",
            "UIDMap",
            "UserNS",
            "Volume",
        ],
    },
    Facts {
        kind: Kind::Volume,
        extension: "volume",
        section: "Volume",
        kept_as: "X-Volume",
        suffix: "-volume",
        order: 2,
        keys: &[
            "ContainersConfModule",
            "Copy",
            "Device",
            "Driver",
            "GID",
            "GlobalArgs",
            "Group",
            "Image",
            "Label",
            "Options",
            "PodmanArgs",
            "ServiceName",
            "Type",
            "UID",
            "User",
            "VolumeName",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_at_their_kind() {
        for (index, (kind, facts)) in Kind::ALL.into_iter().zip(&FACTS).enumerate() {
            assert_eq!((kind as usize, facts.kind), (index, kind));
            assert_eq!(facts.kept_as, format!("X-{}", facts.section));
            assert_eq!(facts.section.to_lowercase(), facts.extension);
        }
        assert_eq!(FACTS.iter().map(|facts| facts.keys.len()).sum::<usize>(), 235);
    }

    #[test]
    fn by_name() {
        let cases = [
            ("a.container", Some(Kind::Container)),
            ("a.b.volume", Some(Kind::Volume)),
            ("a@.pod", Some(Kind::Pod)),
            (".container", None),
            (".a.container", None),
            ("a.Container", None),
            ("a.service", None),
            ("container", None),
        ];
        for (name, kind) in cases {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
    }
}
