//! A bare command line over the crate, for tests and for trying it without the real one:
//! `machine_tool FOLDER COMMAND [NAME] [ARGUMENT…]` keeps everything below FOLDER. `MACHINE_USER` is who logs in.

#[cfg(unix)]
#[tokio::main]
async fn main() -> std::process::ExitCode {
    match tool::run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("Error: {error}");
            std::process::ExitCode::from(125)
        }
    }
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod tool {
    use std::ffi::OsString;
    use std::path::PathBuf;
    use std::process::ExitCode;

    use cove_config::connections::Connections;
    use cove_config::containers::ContainersConf;
    use cove_machine::provider::ProviderKind;
    use cove_machine::{
        CopyEnds, InitOptions, MachineFolders, MachineName, Machines, Progress, SetOptions, SharedFolder,
    };

    pub(super) async fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let [folder, command, rest @ ..] = words.as_slice() else {
            return Err("usage: machine_tool FOLDER COMMAND [NAME] [ARGUMENT…]".into());
        };
        let folder = PathBuf::from(folder);
        let machines = machines(&folder)?;
        let name = || -> Result<MachineName, Box<dyn std::error::Error>> {
            Ok(rest.first().ok_or("a machine's name is missing")?.parse()?)
        };
        let print = |progress: Progress| match progress {
            Progress::Begin(_) => {}
            Progress::Done(step, time) => eprintln!("  {step:<9} {:6.2} s", time.as_secs_f64()),
            Progress::Note(text) => eprintln!("  {text}"),
        };
        match command.as_str() {
            "init" => {
                let number = |at: usize| rest.get(at).and_then(|text| text.parse().ok());
                let options = InitOptions {
                    cpus: number(1).and_then(|number: u64| number.try_into().ok()),
                    memory_mib: number(2),
                    disk_gib: number(3),
                    timezone: rest.get(4).cloned(),
                    swap_mib: number(5).unwrap_or(0),
                    username: rest.get(6).cloned(),
                    import_native_ca: rest.iter().any(|word| word == "ca"),
                    shared_folders: rest
                        .iter()
                        .filter_map(|word| word.strip_prefix("share="))
                        .map(|text| SharedFolder::parse(text, &std::env::current_dir()?).map_err(Into::into))
                        .collect::<Result<_, Box<dyn std::error::Error>>>()?,
                    ..InitOptions::new(name()?, ProviderKind::Qemu)
                };
                machines.init(&options, &print).await?;
            }
            "start" => {
                println!("{}", serde_json::to_string_pretty(&machines.start(&name()?, &print).await?)?)
            }
            "stop" => drop(machines.stop(&name()?, &print).await?),
            "ls" => println!("{}", serde_json::to_string_pretty(&machines.list().await?)?),
            "inspect" => println!("{}", serde_json::to_string_pretty(&machines.inspect(&name()?).await?)?),
            "info" => {
                println!("{}", serde_json::to_string_pretty(&machines.info(ProviderKind::Qemu).await?)?)
            }
            "rm" => {
                let force = rest.iter().any(|word| word == "-f");
                machines.remove(&name()?, force, false).await?;
            }
            "set" => {
                let options = SetOptions {
                    disk_gib: rest.get(1).and_then(|text| text.parse().ok()),
                    ..SetOptions::default()
                };
                machines.set(&name()?, &options).await?;
            }
            "ssh" => {
                let words: Vec<OsString> = rest[1..].iter().map(OsString::from).collect();
                let user = std::env::var("MACHINE_USER").ok();
                let ssh = machines.ssh_command(&name()?, user.as_deref(), &words)?;
                let status = std::process::Command::new(ssh.program).args(ssh.arguments).status()?;
                return Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(255)).unwrap_or(255)));
            }
            "cp" => {
                let (name, ends) = CopyEnds::parse(&rest[0], &rest[1])?;
                let scp = machines.copy_command(&name, &ends, true)?;
                let status = std::process::Command::new(scp.program).args(scp.arguments).status()?;
                return Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(255)).unwrap_or(255)));
            }
            "logs" => {
                for line in machines.logs(&name()?, None)?.next(true)? {
                    println!("{:?} {}", line.source, line.text);
                }
            }
            "agent" => cove_machine::agent::run(&machines, &name()?).await?,
            other => return Err(format!("unknown command {other}").into()),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn machines(folder: &std::path::Path) -> Result<Machines, Box<dyn std::error::Error>> {
        let executable = std::env::current_exe()?;
        Ok(Machines {
            folders: MachineFolders { data: folder.join("data"), runtime: folder.join("run") },
            image_folders: vec![folder.join("image")],
            connections: Connections::new(folder.join("connections.json"), &ContainersConf::default()),
            agent_command: vec![executable.into(), folder.into(), "agent".into()],
        })
    }
}
