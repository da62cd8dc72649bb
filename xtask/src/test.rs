//! `cargo xtask test`: sets up, builds and passes the tests.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{node, setup, shell};

/// The parts, in the order they run.
const PARTS: &[&str] = &["unit", "e2e", "machine", "ui", "window"];

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    for argument in arguments {
        if !PARTS.contains(&argument.as_str()) {
            bail!("unknown part {argument:?}; parts are {}", PARTS.join(", "));
        }
    }
    let wanted = |part: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == part);
    let groups: &[&str] = if arguments.is_empty() || wanted("ui") || wanted("window") {
        &["build", "engine", "machine", "desktop", "test"]
    } else {
        &["build", "engine", "machine", "test"]
    };
    shell::step("set-up", || setup::ensure(groups, false))?;
    ordinary_user()?;
    if wanted("unit") || wanted("e2e") || wanted("machine") {
        shell::step("build", build)?;
    }
    if wanted("unit") {
        shell::step("unit tests", || {
            let mut command = shell::cargo();
            command.args(["test", "--workspace", "--exclude", "cove-desktop-app", "--exclude", "cove-tests"]);
            shell::run(command.args(["--lib", "--bins", "--tests", "--no-fail-fast"]))
        })?;
    }
    if wanted("e2e") {
        shell::step("end-to-end tests", || suites(&["--test", "engine"]))?;
    }
    if wanted("machine") {
        shell::step("machine image", || crate::build_vm_image(&[]))?;
        shell::step("machine tests", || suites(&["--test", "machine"]))?;
    }
    if wanted("ui") {
        shell::step("user interface", user_interface)?;
    }
    if wanted("window") {
        shell::step("window", window)?;
    }
    Ok(())
}

/// As the super-user, makes the ordinary user that the rootless tests run as. In CI, where the machine is thrown away,
/// it may also use the devices of rootless networking and storage, as it may on any usual system.
fn ordinary_user() -> Result<()> {
    const USER: &str = "cove-test";
    if !shell::is_root() || std::env::var_os("COVE_TEST_USER").is_some() {
        return Ok(());
    }
    if shell::output(Command::new("id").args(["-u", USER])).is_err() {
        eprintln!("test: making the user {USER}, as whom the rootless tests run");
        shell::run(Command::new("useradd").args(["--create-home", USER]))?;
    }
    if std::env::var_os("CI").is_some() {
        for device in ["/dev/net/tun", "/dev/fuse"] {
            if std::path::Path::new(device).exists() {
                shell::run(Command::new("chmod").args(["666", device]))?;
            }
        }
    }
    Ok(())
}

/// Builds the programs that the suites run.
pub(crate) fn build() -> Result<()> {
    shell::run(shell::cargo().args(["build", "-p", "cove-cli", "-p", "cove-monitor"]))
}

fn suites(selection: &[&str]) -> Result<()> {
    let mut command = shell::cargo();
    command.args(["test", "-p", "cove-tests"]).args(selection);
    // Two at once suit two cores; the suites say for themselves what must not run beside another.
    shell::run(command.args(["--", "--test-threads", "2"]))
}

/// Installs and builds the user interface, so that the window can be built.
pub(crate) fn build_user_interface() -> Result<()> {
    shell::run(node::npm()?.args(["ci", "--no-fund", "--no-audit"]))?;
    shell::run(node::npm()?.args(["run", "build"]))
}

/// Builds the window, which needs the user interface built.
pub(crate) fn build_window() -> Result<()> {
    shell::run(shell::cargo().args(["build", "-p", "cove-desktop-app", "--features", "custom-protocol"]))
}

fn user_interface() -> Result<()> {
    build_user_interface()?;
    shell::run(node::npm()?.args(["run", "check"]))?;
    shell::run(node::npm()?.args(["test"]))
}

fn window() -> Result<()> {
    build_user_interface()?;
    build_window()?;
    let mut command = Command::new("dbus-run-session");
    command.current_dir(shell::root().join("ui"));
    node::add_path(&mut command)?;
    command.args(["--", "xvfb-run", "-a", "-s", "-screen 0 1280x800x24", "npm", "run", "test:window"]);
    command.env("COVE_DESKTOP", shell::target().join("debug/cove-desktop"));
    command.env("COVE", shell::target().join("debug/cove"));
    shell::run(&mut command)
}
