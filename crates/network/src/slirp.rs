//! slirp4netns, the user-mode network where pasta is missing.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use cove_api::PublishedPort;
use cove_sys::{fs, program};
use serde_json::json;

use crate::addr::Cidr;
use crate::error::{Error, Result};
use crate::process;
use crate::store::Networks;
use crate::userland::{
    START_TIMEOUT, Started, UserlandOptions, UserlandReport, container_addresses, host_address,
};

/// The DNS address of slirp4netns in its default subnet.
pub(crate) const SLIRP_DNS: &str = "10.0.2.3";

impl Networks {
    pub(crate) fn start_slirp(&self, options: &UserlandOptions, ports: &[PublishedPort]) -> Result<Started> {
        let program = self.program(&program::SLIRP4NETNS)?;
        let failed = |message: String| Error::Program {
            program: "slirp4netns".into(),
            message: program.explain(&message),
        };
        let plan = slirp_plan(&options.program_options)?;
        let socket = self
            .options
            .run_dir
            .join(format!("{}.slirp", options.container_id.get(..12).unwrap_or("shared")));
        let _ = fs::remove_file(&socket);
        // The write end is its standard input: a descriptor whose number is known.
        let (mut ready, write_end) = std::io::pipe().map_err(|error| failed(error.to_string()))?;
        let log = self.options.run_dir.join("slirp4netns.log");
        let log_file = fs::File::create(&log).map_err(|error| Error::file("creating", &log, error))?;
        let mut command = Command::new(program.path());
        command.args(&plan.arguments).args(["-c", "-r", "0", "--netns-type=path"]);
        if !ports.is_empty() {
            command.arg("--api-socket").arg(&socket);
        }
        command
            .arg(&options.netns)
            .arg("tap0")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(write_end)))
            .stdout(Stdio::null())
            .stderr(Stdio::from(log_file.into_file()));
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        drop(command);
        let mut byte = [0];
        let started = ready.read(&mut byte).is_ok_and(|count| count == 1);
        let pid = i32::try_from(child.id()).unwrap_or(0);
        let Some(start) = process::start_time(pid).filter(|_| started) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(fs::read_to_string(&log).unwrap_or_default().trim().to_owned()));
        };
        for port in ports {
            if let Err(error) = slirp_forward(&socket, port, &plan.address) {
                let _ = child.kill();
                let _ = child.wait();
                let _ = fs::remove_file(&socket);
                return Err(error);
            }
        }
        let addresses = container_addresses(&options.netns)?;
        let host = if plan.host_loopback { plan.gateway.parse().ok() } else { host_address(&addresses) };
        let report = UserlandReport { addresses, dns_servers: vec![plan.dns], host, ports: Vec::new() };
        Ok(Started { process: Some((pid, start)), report })
    }
}

/// The command line and addresses of slirp4netns.
struct SlirpPlan {
    arguments: Vec<String>,
    address: String,
    gateway: String,
    dns: String,
    host_loopback: bool,
}

fn slirp_plan(options: &[String]) -> Result<SlirpPlan> {
    let mut subnet: Cidr = "10.0.2.0/24".parse()?;
    let (mut host_loopback, mut ipv6, mut mtu) = (false, true, 65520u32);
    let mut extra = Vec::new();
    for option in options.iter().flat_map(|text| text.split(',')).filter(|text| !text.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let invalid = || Error::Invalid(format!("invalid slirp4netns option {option:?}"));
        let truth = || match value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => {
                Err(Error::Invalid(format!("invalid value of slirp4netns option {option:?}: true or false")))
            }
        };
        match key {
            "cidr" => {
                subnet = value.parse::<Cidr>()?.network();
                if !subnet.is_ipv4() || subnet.prefix() > 25 {
                    return Err(invalid());
                }
            }
            "allow_host_loopback" => host_loopback = truth()?,
            "enable_ipv6" => ipv6 = truth()?,
            "mtu" => mtu = value.parse().map_err(|_| invalid())?,
            "outbound_addr" | "outbound_addr6" => {
                if value.is_empty() {
                    return Err(invalid());
                }
                extra.push(format!("--{}={value}", key.replace('_', "-")));
            }
            "port_handler" if value == "slirp4netns" => {}
            "port_handler" => {
                return Err(Error::Unsupported(format!(
                    "slirp4netns port_handler {value:?} is not supported"
                )));
            }
            _ => return Err(Error::Invalid(format!("unknown option for slirp4netns: {option:?}"))),
        }
    }
    let base = crate::addr::number(subnet.first());
    let nth = |offset: u128| crate::addr::from_number(base + offset, true).to_string();
    let mut arguments = vec![
        format!("--mtu={mtu}"),
        format!("--cidr={subnet}"),
        "--enable-sandbox".into(),
        "--enable-seccomp".into(),
    ];
    if !host_loopback {
        arguments.push("--disable-host-loopback".into());
    }
    if ipv6 {
        arguments.push("--enable-ipv6".into());
    }
    arguments.extend(extra);
    Ok(SlirpPlan { arguments, address: nth(100), gateway: nth(2), dns: nth(3), host_loopback })
}

/// Publishes one port through the API socket of slirp4netns.
fn slirp_forward(socket: &Path, port: &PublishedPort, guest: &str) -> Result<()> {
    let failed = |message: String| Error::Program { program: "slirp4netns".into(), message };
    let request = json!({"execute": "add_hostfwd", "arguments": {
        "proto": port.protocol, "host_addr": port.host().ip(), "host_port": port.host_port,
        "guest_addr": guest, "guest_port": port.container_port}});
    // The socket is below the run directory, whose path may be too long for an address.
    let folder = socket.parent().unwrap_or(Path::new("/"));
    let directory = fs::File::open(folder).map_err(|error| Error::file("opening", folder, error))?;
    use std::os::fd::AsRawFd;
    let short = format!(
        "/proc/self/fd/{}/{}",
        directory.as_raw_fd(),
        socket.file_name().unwrap_or_default().to_string_lossy()
    );
    let exchange = || -> std::io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(&short)?;
        stream.set_read_timeout(Some(START_TIMEOUT))?;
        stream.write_all(request.to_string().as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(|error| failed(error.to_string()))?;
    let answer: serde_json::Value =
        serde_json::from_slice(&answer).map_err(|error| failed(format!("its answer: {error}")))?;
    match answer.get("error") {
        None => Ok(()),
        Some(error) => Err(failed(format!("publishing port {} {}: {error}", port.protocol, port.host()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_slirp() {
        let plan =
            slirp_plan(&["cidr=10.9.0.0/24,mtu=1500".into(), "allow_host_loopback=true".into()]).unwrap();
        assert_eq!(
            (plan.address.as_str(), plan.gateway.as_str(), plan.dns.as_str()),
            ("10.9.0.100", "10.9.0.2", "10.9.0.3")
        );
        assert!(plan.host_loopback && !plan.arguments.contains(&"--disable-host-loopback".to_owned()));
        for bad in ["x=1", "mtu=x", "enable_ipv6=maybe", "cidr=10.0.0.0/30", "port_handler=rootlesskit"] {
            assert!(slirp_plan(&[bad.into()]).is_err(), "{bad}");
        }
    }
}
