//! `--network` and the flags about one network: `--ip`, `--ip6`, `--mac-address`, `--network-alias`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cove_api::{ContainerSpec, MacAddress, Namespace, PerNetworkOptions};

use crate::error::{Result, bail};
use crate::name;

/// The key that stands for the default network in [`NetworkSelection::networks`] (`--network bridge`).
pub(crate) const DEFAULT_NETWORK: &str = "default";

/// What `--network` asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkSelection {
    /// The namespace mode; default where no flag is given.
    pub namespace: Namespace,
    /// The networks of the mode `bridge` by name.
    pub networks: BTreeMap<String, PerNetworkOptions>,
    /// Their names in the user's order.
    pub order: Vec<String>,
    /// Options of `pasta` and `slirp4netns`.
    pub options: BTreeMap<String, Vec<String>>,
}

impl NetworkSelection {
    /// Puts all into the container's spec.
    pub fn apply(self, spec: &mut ContainerSpec) {
        spec.netns = self.namespace;
        spec.networks = self.networks;
        spec.network_options = self.options;
    }
}

/// Addresses and names that separate flags give to the only network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressFlags {
    /// `--ip`.
    pub ip: Option<String>,
    /// `--ip6`.
    pub ip6: Option<String>,
    /// `--mac-address`.
    pub mac: Option<String>,
    /// `--link-local-ip`.
    pub link_local: Vec<String>,
    /// `--network-alias`.
    pub aliases: Vec<String>,
}

/// Parses all `--network` flags.
///
/// # Errors
/// A mode, name or option is wrong, or several networks are combined with another mode than bridge.
pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<NetworkSelection> {
    let mut texts = texts.into_iter();
    let mut selection = NetworkSelection::default();
    let Some(first) = texts.next() else { return Ok(selection) };
    let (mode, options) = match first.split_once(':') {
        Some((mode, options)) => (mode, Some(options)),
        None => (first, None),
    };
    match (mode, options) {
        ("" | "default", None) => {}
        ("private" | "none" | "host" | "pod", None) => selection.namespace = Namespace::new(mode),
        ("bridge", options) => {
            selection.namespace = Namespace::new("bridge");
            selection.add(DEFAULT_NETWORK, options)?;
        }
        ("ns", Some(path)) => {
            if !path.starts_with('/') {
                bail!("must provide an absolute path to namespace when specifying \"ns:\"");
            }
            selection.namespace = Namespace { nsmode: "path".to_owned(), value: path.to_owned() };
        }
        ("container", Some("")) => bail!("must provide name or ID for \"container\" namespaces"),
        ("container", Some(container)) => {
            selection.namespace = Namespace { nsmode: "container".to_owned(), value: container.to_owned() };
        }
        ("pasta" | "slirp4netns", options) => {
            selection.namespace = Namespace::new(mode);
            if let Some(options) = options.filter(|options| !options.is_empty()) {
                selection.options.insert(mode.to_owned(), options.split(',').map(str::to_owned).collect());
            }
        }
        ("private" | "none" | "host" | "pod", Some(_)) => bail!("network mode {mode:?} takes no options"),
        (name, Some(options)) => {
            selection.namespace = Namespace::new("bridge");
            selection.add(name, Some(options))?;
        }
        (names, None) => {
            selection.namespace = Namespace::new("bridge");
            // Several names with commas: an old form.
            for name in names.split(',') {
                selection.add(name, None)?;
            }
        }
    }
    for text in texts {
        let mode = &selection.namespace.nsmode;
        if mode != "bridge" {
            let mode = if mode.is_empty() { "default" } else { mode };
            bail!(
                "cannot set multiple networks without bridge network mode, selected mode {mode}: invalid argument"
            );
        }
        let (name, options) = match text.split_once(':') {
            Some((name, options)) => (name, Some(options)),
            None => (text, None),
        };
        if matches!(
            name,
            "bridge"
                | "pasta"
                | "slirp4netns"
                | "pod"
                | "none"
                | "default"
                | "private"
                | "ns"
                | "container"
                | "host"
        ) {
            bail!(
                "can only set extra network names, selected mode {name} conflicts with bridge: invalid argument"
            );
        }
        selection.add(name, options)?;
    }
    Ok(selection)
}

impl NetworkSelection {
    fn add(&mut self, name: &str, options: Option<&str>) -> Result<()> {
        if name.is_empty() {
            bail!("network name cannot be empty: invalid argument");
        }
        name::check(name)?;
        let options = bridge_options(options.unwrap_or_default())
            .map_err(|error| crate::Error::new(format!("invalid option for network {name}: {error}")))?;
        if self.networks.insert(name.to_owned(), options).is_some() {
            bail!("network {name} is given more than once: invalid argument");
        }
        self.order.push(name.to_owned());
        Ok(())
    }

    /// Adds what `--ip`, `--ip6`, `--mac-address` and `--network-alias` say.
    ///
    /// # Errors
    /// An address is wrong, or the mode or number of networks does not allow it.
    pub fn with_addresses(mut self, flags: &AddressFlags) -> Result<Self> {
        if *flags == AddressFlags::default() {
            return Ok(self);
        }
        if self.networks.len() > 1
            && (flags.ip.is_some()
                || flags.ip6.is_some()
                || flags.mac.is_some()
                || !flags.link_local.is_empty())
        {
            bail!("--ip, --ip6, --link-local-ip and --mac-address can only be set for a single network");
        }
        match self.namespace.nsmode.as_str() {
            "" | "default" | "private" => {
                self.namespace = Namespace::new("bridge");
                self.add(DEFAULT_NETWORK, None)?;
            }
            "bridge" => {}
            mode => {
                bail!(
                    "networks and static ip/mac address can only be used with Bridge mode networking, not {mode}"
                )
            }
        }
        if let Some(network) = self.order.first().and_then(|name| self.networks.get_mut(name)) {
            if let Some(text) = &flags.ip {
                match text.parse::<Ipv4Addr>() {
                    Ok(ip) if ip.is_link_local() => bail!("{}", is_link_local("--ip", text)),
                    Ok(ip) => network.static_ips.push(ip.to_string()),
                    Err(_) => bail!("invalid value for --ip: {text:?} is not an IPv4 address"),
                }
            }
            if let Some(text) = &flags.ip6 {
                match text.parse::<Ipv6Addr>() {
                    Ok(ip) if ip.is_unicast_link_local() => bail!("{}", is_link_local("--ip6", text)),
                    Ok(ip) => network.static_ips.push(ip.to_string()),
                    Err(_) => bail!("invalid value for --ip6: {text:?} is not an IPv6 address"),
                }
            }
            for text in &flags.link_local {
                network.static_ips.push(link_local(text)?);
            }
            if let Some(text) = &flags.mac {
                network.static_mac = mac_address(text)?;
            }
        }
        for network in self.networks.values_mut() {
            for alias in &flags.aliases {
                name::hostname(alias)?;
                network.aliases.push(alias.clone());
            }
        }
        Ok(self)
    }
}

/// Parses `ip=…,ip6=…,mac=…,alias=…,interface_name=…` and driver options (`network connect` too).
///
/// # Errors
/// A value is wrong.
pub(crate) fn bridge_options(text: &str) -> Result<PerNetworkOptions> {
    let mut options = PerNetworkOptions::default();
    for option in text.split(',').filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        match key {
            "ip" | "ip6" => match value.parse::<IpAddr>() {
                Ok(ip) => options.static_ips.push(ip.to_string()),
                Err(_) => bail!("invalid ip address {value:?}"),
            },
            "mac" => options.static_mac = mac_address(value)?,
            "alias" if value.is_empty() => bail!("alias cannot be empty"),
            "alias" => {
                name::hostname(value)?;
                options.aliases.push(value.to_owned());
            }
            "interface_name" if value.is_empty() => bail!("interface_name cannot be empty"),
            "interface_name" => {
                // The kernel's limit is 15 bytes.
                let allowed =
                    value.len() <= 15 && !value.contains(|c: char| c.is_whitespace() || c == '/' || c == ':');
                if !allowed || value == "." || value == ".." || value == "lo" {
                    bail!("invalid interface_name {value:?}");
                }
                options.interface_name = value.to_owned();
            }
            "" => bail!("empty option name in {text:?}"),
            key => {
                options.options.insert(key.to_owned(), value.to_owned());
            }
        }
    }
    Ok(options)
}

/// Why such an address cannot be a container's own.
#[must_use]
pub fn is_link_local(option: &str, text: &str) -> String {
    format!("{option} {text} is a link-local address: give it with --link-local-ip")
}

/// Checks an address that is valid on one link only, and writes it in its one form.
///
/// # Errors
/// It is no address, or one of another kind.
pub fn link_local(text: &str) -> Result<String> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) if ip.is_link_local() => Ok(ip.to_string()),
        Ok(IpAddr::V6(ip)) if ip.is_unicast_link_local() => Ok(ip.to_string()),
        _ => bail!("invalid link-local address {text:?}: it is one of 169.254.0.0/16 or fe80::/10"),
    }
}

/// Checks a hardware address, and writes it in its one form.
///
/// # Errors
/// It is none, or a multicast address.
pub fn mac_address(text: &str) -> Result<String> {
    match text.parse::<MacAddress>() {
        Ok(address) => Ok(address.to_string()),
        Err(error) => bail!("{}", error.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(selection: &NetworkSelection) -> String {
        let networks: Vec<String> = selection
            .order
            .iter()
            .map(|name| {
                let o = &selection.networks[name];
                format!(
                    "{name}[{}|{}|{}|{}]",
                    o.static_ips.join("+"),
                    o.static_mac,
                    o.aliases.join("+"),
                    o.interface_name
                )
            })
            .collect();
        format!("{}:{} {}", selection.namespace.nsmode, selection.namespace.value, networks.join(" "))
    }

    #[test]
    fn selections() {
        let check = |texts: &[&str], expected: &str| {
            let found = parse(texts.iter().copied()).unwrap_or_else(|error| panic!("{texts:?}: {error}"));
            assert_eq!(show(&found).trim_end(), expected, "{texts:?}");
        };
        check(&[], ":");
        check(&["host"], "host:");
        check(&["none"], "none:");
        check(&["bridge"], "bridge: default[|||]");
        check(
            &["bridge:ip=10.88.0.5,mac=AA-bb-cc-00-11-22"],
            "bridge: default[10.88.0.5|aa:bb:cc:00:11:22||]",
        );
        check(&["container:db"], "container:db");
        check(&["ns:/run/netns/x"], "path:/run/netns/x");
        check(
            &["web:ip=1.2.3.4,ip6=fd::1,alias=a,alias=b,interface_name=net0"],
            "bridge: web[1.2.3.4+fd::1||a+b|net0]",
        );
        check(&["a,b"], "bridge: a[|||] b[|||]");
        check(&["b", "a:alias=x"], "bridge: b[|||] a[||x|]");
        let pasta = parse(["pasta:-t,8080"]).unwrap();
        assert_eq!(pasta.options["pasta"], ["-t", "8080"]);
        assert_eq!(parse(["slirp4netns:mtu=1500"]).unwrap().namespace.nsmode, "slirp4netns");
        let options = parse(["net:vlan=5"]).unwrap();
        assert_eq!(options.networks["net"].options["vlan"], "5");
    }

    #[test]
    fn wrong() {
        for (texts, expected) in [
            (&["host", "a"][..], "without bridge network mode, selected mode host"),
            (&["a", "host"], "conflicts with bridge"),
            (&[":ip=1.2.3.4"], "cannot be empty"),
            (&["a:ip=1.2.3"], "invalid option for network a: invalid ip address \"1.2.3\""),
            (&["a:mac=zz"], "invalid MAC address"),
            (&["a:alias="], "alias cannot be empty"),
            (&["a:interface_name=aaaaaaaaaaaaaaaa"], "invalid interface_name"),
            (&["a", "a"], "more than once"),
            (&["a b"], "names must match"),
            (&["ns:x"], "absolute path"),
            (&["container:"], "must provide name or ID"),
            (&["none:x"], "takes no options"),
        ] {
            let error = parse(texts.iter().copied()).unwrap_err().to_string();
            assert!(error.contains(expected), "{texts:?}: {error}");
        }
    }

    #[test]
    fn addresses() {
        let flags = AddressFlags {
            ip: Some("10.0.0.2".into()),
            aliases: vec!["x".into()],
            ..AddressFlags::default()
        };
        let found = parse([]).unwrap().with_addresses(&flags).unwrap();
        assert_eq!(show(&found), "bridge: default[10.0.0.2||x|]");
        assert!(parse(["host"]).unwrap().with_addresses(&flags).is_err());
        assert!(
            parse(["a", "b"])
                .unwrap()
                .with_addresses(&flags)
                .unwrap_err()
                .to_string()
                .contains("single network")
        );
        let wrong = AddressFlags { ip: Some("fd::1".into()), ..AddressFlags::default() };
        assert!(parse(["a"]).unwrap().with_addresses(&wrong).is_err());
        let local = |texts: &[&str]| AddressFlags {
            link_local: texts.iter().map(|text| (*text).to_owned()).collect(),
            ..AddressFlags::default()
        };
        let found = parse(["a"]).unwrap().with_addresses(&local(&["169.254.7.7", "FE80::7"])).unwrap();
        assert_eq!(found.networks["a"].static_ips, ["169.254.7.7", "fe80::7"]);
        for wrong in ["10.0.0.1", "fd00::1", "x", ""] {
            assert!(parse(["a"]).unwrap().with_addresses(&local(&[wrong])).is_err(), "{wrong}");
        }
        assert!(mac_address("01:00:5e:00:00:01").unwrap_err().to_string().contains("multicast"));
    }
}
