//! `cargo xtask demo`: the main job for real, step by step with times.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{setup, shell, test};

const IMAGE: &str = "localhost/cove-demo:latest";
const MACHINE: &str = "cove-demo";
const PORT: u16 = 18080;

/// What was done and how long it took.
#[derive(Default)]
struct Report(Vec<(String, Duration)>);

impl Report {
    fn step<T>(&mut self, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("\n== {title}");
        let start = Instant::now();
        let result = work().with_context(|| title.to_owned())?;
        self.0.push((title.to_owned(), start.elapsed()));
        Ok(result)
    }

    fn print(&self) {
        println!("\nWhat the demo did:");
        for (title, time) in &self.0 {
            println!("  {:8.2} s  {title}", time.as_secs_f64());
        }
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut with_machine = true;
    let mut with_window = has_display();
    for argument in arguments {
        match argument.as_str() {
            "--no-machine" => with_machine = false,
            "--no-window" => with_window = false,
            other => bail!("unknown argument {other:?}"),
        }
    }
    let mut report = Report::default();
    let mut groups = vec!["build", "engine"];
    if with_machine {
        groups.push("machine");
    }
    if with_window {
        groups.push("desktop");
    }
    report.step("install what is missing", || setup::ensure(&groups, false))?;
    report.step("build cove", test::build)?;
    let archive = report.step("make a root file system from the local busybox", root_file_system)?;
    report.step("import it as an image", || cove(&["import", "-q", &path(&archive), IMAGE]))?;
    report.step("run a container on this machine", || {
        cove(&["run", "--rm", "--network", "none", IMAGE, "sh", "-c", GREETING])
    })?;
    if with_machine {
        machine(&mut report, &archive, with_window)?;
    } else if with_window {
        window(&mut report)?;
    }
    report.print();
    if !has_display() {
        println!("  (no display here: the window was not opened)");
    }
    Ok(())
}

const GREETING: &str = "echo \"hello from $(hostname), kernel $(uname -r), user $(id -u), pid $$\"";

fn machine(report: &mut Report, archive: &Path, with_window: bool) -> Result<()> {
    report.step("build the machine image", || crate::build_vm_image(&[]))?;
    // What an interrupted demo may have left.
    let _ = shell::output(shell::command(binary()).args(["machine", "rm", "-f", MACHINE]));
    report.step("machine init", || cove(&["machine", "init", MACHINE]))?;
    let result = in_machine(report, archive, with_window);
    report.step("remove the machine", || cove(&["machine", "rm", "-f", MACHINE]))?;
    result
}

fn in_machine(report: &mut Report, archive: &Path, with_window: bool) -> Result<()> {
    report.step("machine start", || cove(&["machine", "start", MACHINE]))?;
    report.step("import the image in the machine", || {
        cove(&["-c", MACHINE, "import", "-q", &path(archive), IMAGE])
    })?;
    report.step("run the same container in the machine", || {
        cove(&["-c", MACHINE, "run", "--rm", "--network", "none", IMAGE, "sh", "-c", GREETING])
    })?;
    report.step("reach a port published in the machine from this machine", || {
        let publish = format!("127.0.0.1:{PORT}:80");
        let page =
            "mkdir /www && echo 'hello from the machine' >/www/index.html && exec httpd -f -p 80 -h /www";
        cove(&["-c", MACHINE, "run", "-d", "--name", "web", "-p", &publish, IMAGE, "sh", "-c", page])?;
        println!("http://127.0.0.1:{PORT}/ answers: {}", fetch(PORT)?.trim());
        Ok(())
    })?;
    if with_window {
        window(report)?;
    }
    Ok(())
}

fn window(report: &mut Report) -> Result<()> {
    report.step("build the user interface", test::build_user_interface)?;
    report.step("build the window", test::build_window)?;
    report.step("the window (close it to go on)", || {
        shell::run(shell::command(shell::target().join("debug/cove-desktop")).env("COVE", binary()))
    })
}

/// A tar of a root file system: busybox and its applets, nothing else.
pub(crate) fn root_file_system() -> Result<PathBuf> {
    let folder = shell::target().join("demo");
    let tree = folder.join("rootfs");
    if tree.exists() {
        std::fs::remove_dir_all(&tree)?;
    }
    for name in ["bin", "dev", "etc", "proc", "run", "sys", "tmp", "root", "var"] {
        std::fs::create_dir_all(tree.join(name))?;
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox", "/usr/sbin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .context("busybox is not installed")?;
    std::fs::copy(busybox, tree.join("bin/busybox"))?;
    for applet in shell::output(Command::new(busybox).arg("--list"))?.lines() {
        if applet != "busybox" {
            std::os::unix::fs::symlink("busybox", tree.join("bin").join(applet))?;
        }
    }
    std::fs::write(tree.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    std::fs::write(tree.join("etc/group"), "root:x:0:\n")?;
    let archive = folder.join("rootfs.tar");
    let mut tar = Command::new("tar");
    tar.args(["--owner=0", "--group=0", "--numeric-owner", "-C"])
        .arg(&tree)
        .arg("-cf")
        .arg(&archive)
        .arg(".");
    shell::run(&mut tar)?;
    Ok(archive)
}

/// The program under demonstration.
pub(crate) fn binary() -> PathBuf {
    shell::target().join("debug/cove")
}

fn cove(arguments: &[&str]) -> Result<()> {
    shell::run(shell::command(binary()).args(arguments))
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The body of `GET /`, tried for some seconds because a forward opens just after the container starts.
fn fetch(port: u16) -> Result<String> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match try_fetch(port) {
            Ok(body) if !body.is_empty() => return Ok(body),
            _ if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(300)),
            Ok(_) => bail!("port {port} answers nothing"),
            Err(error) => return Err(error).with_context(|| format!("port {port} on the host")),
        }
    }
}

fn try_fetch(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}
