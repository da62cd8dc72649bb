//! Networks, ports, names and name servers.

use cove_api::ContainerSpec;
use cove_spec::{host, name, network, port};

use super::around::{Surroundings, absolute, flag, refs};
use crate::command_error::CommandError;

// What a network namespace is connected to, and the names known in it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct NetworkArgs {
    /// Network: bridge, host, none, pasta, slirp4netns, container:NAME, ns:PATH or a network's name
    #[arg(long, visible_alias = "net", value_name = "NETWORK", help_heading = "Network")]
    pub(crate) network: Vec<String>,
    /// Further name on the networks
    #[arg(long, alias = "net-alias", value_name = "NAME", help_heading = "Network")]
    pub(crate) network_alias: Vec<String>,
    /// IPv4 address
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) ip: Option<String>,
    /// IPv6 address
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) ip6: Option<String>,
    /// Further address, of 169.254.0.0/16 or fe80::/10
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) link_local_ip: Vec<String>,
    /// Hardware address
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) mac_address: Option<String>,
    /// Publish a port: [[ADDRESS:][HOST]:]CONTAINER[/PROTOCOL]
    #[arg(long, short, value_name = "PORT", help_heading = "Network", value_delimiter = ',')]
    pub(crate) publish: Vec<String>,
    /// Host name
    #[arg(long, short = 'h', value_name = "NAME", help_heading = "Network")]
    pub(crate) hostname: Option<String>,
    /// Leave the image's /etc/hostname as it is
    #[arg(long, help_heading = "Network")]
    pub(crate) no_hostname: bool,
    /// Line for /etc/hosts, NAME:ADDRESS
    #[arg(long, value_name = "HOST", help_heading = "Network", value_delimiter = ',')]
    pub(crate) add_host: Vec<String>,
    /// What /etc/hosts begins with: a file of the host, none or image
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(crate) hosts_file: Option<String>,
    /// Leave the image's /etc/hosts as it is
    #[arg(long, help_heading = "Network")]
    pub(crate) no_hosts: bool,
    /// Name server
    #[arg(long, value_name = "ADDRESS", help_heading = "Network", value_delimiter = ',')]
    pub(crate) dns: Vec<String>,
    /// Option of the resolver
    #[arg(long, alias = "dns-opt", value_name = "OPTION", help_heading = "Network", value_delimiter = ',')]
    pub(crate) dns_option: Vec<String>,
    /// Search domain
    #[arg(long, value_name = "DOMAIN", help_heading = "Network", value_delimiter = ',')]
    pub(crate) dns_search: Vec<String>,
}

impl NetworkArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// A value is wrong, or two contradict each other.
    pub(crate) fn apply(
        &self,
        around: &Surroundings<'_>,
        spec: &mut ContainerSpec,
    ) -> Result<(), CommandError> {
        network::parse(refs(&self.network))?
            .with_addresses(&network::AddressFlags {
                ip: self.ip.clone(),
                ip6: self.ip6.clone(),
                mac: self.mac_address.clone(),
                link_local: self.link_local_ip.clone(),
                aliases: self.network_alias.clone(),
            })?
            .apply(spec);
        spec.portmappings = port::publish_all(refs(&self.publish))?;
        let without_ports =
            matches!(spec.netns.nsmode.as_str(), "host" | "none" | "container" | "path" | "ns");
        if without_ports && !spec.portmappings.is_empty() {
            around.printer.error_line(&format!(
                "Port mappings have been discarded because {:?} network namespace mode does not support them",
                spec.netns.nsmode
            ));
            spec.portmappings.clear();
        }
        if let Some(text) = &self.hostname {
            name::hostname(text)?;
            text.clone_into(&mut spec.hostname);
        }
        if self.no_hostname {
            spec.use_image_hostname = Some(true);
        }
        if self.no_hosts && !self.add_host.is_empty() {
            return Err(CommandError::other("--no-hosts and --add-host cannot be set together"));
        }
        for text in &self.add_host {
            spec.hostadd.push(host::add_host(text)?);
        }
        if self.no_hosts && self.hosts_file.is_some() {
            return Err(CommandError::other("--no-hosts and --hosts-file cannot be set together"));
        }
        spec.base_hosts_file = match self.hosts_file.as_deref() {
            None => String::new(),
            Some(base @ ("" | "none" | "image")) => base.to_owned(),
            Some(file) => absolute(file)?,
        };
        spec.use_image_hosts = flag(self.no_hosts);
        host::apply_dns(&self.dns, &self.dns_search, &self.dns_option, spec)?;
        Ok(())
    }
}

// Ports of a container that it does not choose the host side of.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ExposeArgs {
    /// Publish all exposed ports on free ports of the host
    #[arg(long, short = 'P', help_heading = "Network")]
    pub(crate) publish_all: bool,
    /// Expose a port or range
    #[arg(long, value_name = "PORT", help_heading = "Network", value_delimiter = ',')]
    pub(crate) expose: Vec<String>,
}

impl ExposeArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// A port is wrong.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        spec.publish_image_ports = flag(self.publish_all);
        spec.expose = port::expose(refs(&self.expose))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;
    use crate::args::spec::testing::around;

    fn spec(line: &str) -> Result<ContainerSpec, String> {
        let mut spec = ContainerSpec::default();
        let args: NetworkArgs = parsed(line);
        around(|around| args.apply(around, &mut spec)).map_err(|error| error.messages().join(";"))?;
        Ok(spec)
    }

    #[test]
    fn networks_and_ports() {
        let spec =
            spec("--network front --ip 10.89.0.5 -p 127.0.0.1:8080:80 --hostname web --dns 9.9.9.9").unwrap();
        assert_eq!(spec.netns.nsmode, "bridge");
        assert_eq!(spec.networks["front"].static_ips.len(), 1);
        assert_eq!((spec.portmappings[0].host_port, spec.portmappings[0].container_port), (8080, 80));
        assert_eq!((spec.hostname.as_str(), spec.dns_server.len()), ("web", 1));
    }

    #[test]
    fn ports_without_a_network_of_its_own_are_dropped() {
        assert!(spec("--network host -p 80").unwrap().portmappings.is_empty());
    }

    #[test]
    fn contradictions() {
        assert_eq!(
            spec("--no-hosts --add-host a:1.2.3.4").unwrap_err(),
            "--no-hosts and --add-host cannot be set together"
        );
    }

    #[test]
    fn exposed_ports() {
        let mut spec = ContainerSpec::default();
        parsed::<ExposeArgs>("-P --expose 80-81/udp").apply(&mut spec).unwrap();
        assert_eq!(spec.publish_image_ports, Some(true));
        assert_eq!(spec.expose.into_iter().collect::<Vec<_>>(), [(80, "udp".into()), (81, "udp".into())]);
    }
}
