//! `cargo xtask test`: sets up, builds and passes the tests.

use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Result, bail};

use crate::failed::Failed;
use crate::fresh::{self, Extent};
use crate::skipped::Skipped;
use crate::{book, node, setup, shell, starts};

/// The parts, in the order they run.
const PARTS: &[&str] = &["unit", "e2e", "machine", "book", "ui", "window"];

/// Parts that take long or need much of the network: only with `--long`, or by name.
const LONG_PARTS: &[&str] = &["fresh", "demo", "readme", "starts", "mdbook"];

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let long = arguments.iter().any(|argument| argument == "--long");
    let named: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|argument| *argument != "--long").collect();
    for argument in &named {
        if !PARTS.contains(argument) && !LONG_PARTS.contains(argument) {
            bail!("unknown part {argument:?}; parts are {}, {}", PARTS.join(", "), LONG_PARTS.join(", "));
        }
    }
    let wanted = |part: &str| {
        named.contains(&part)
            || named.is_empty() && PARTS.contains(&part)
            || long && LONG_PARTS.contains(&part)
    };
    let groups: &[&str] = if wanted("ui") || wanted("window") {
        &["build", "engine", "machine", "desktop", "test"]
    } else {
        &["build", "engine", "machine", "test"]
    };
    shell::step("set-up", || setup::ensure(groups, false))?;
    ordinary_user()?;
    if wanted("unit") || wanted("e2e") || wanted("machine") || wanted("window") {
        shell::step("build", build_all)?;
    } else if (wanted("starts") || wanted("book")) && shell::given_programs().is_none() {
        shell::step("build", build)?;
    }
    let skipped = Skipped::begin()?;
    let mut failed = Failed::begin()?;
    // A part that fails keeps nobody from knowing how the others are.
    for part in PARTS.iter().chain(LONG_PARTS).filter(|part| wanted(part)) {
        if let Err(error) = run_part(part, &skipped, &failed) {
            eprintln!("test: {error:#}");
            failed.add(part, &error);
        }
    }
    skipped.print()?;
    failed.print()?;
    match failed.parts().as_slice() {
        [] => Ok(()),
        parts => bail!("failed: {}", parts.join(", ")),
    }
}

fn run_part(part: &str, skipped: &Skipped, failed: &Failed) -> Result<()> {
    match part {
        "unit" => shell::step("unit tests", || {
            let mut command = shell::cargo();
            command.arg("test").args(shell::SELECTION).args(["--exclude", "cove-tests"]);
            command.args(["--lib", "--bins", "--tests", "--no-fail-fast"]);
            shell::run(skipped.told_by(&mut command))
        }),
        "e2e" => shell::step("end-to-end tests", || suite("engine", skipped)),
        "book" => shell::step("what the book shows", || book::follow(&[], skipped)),
        "machine" => {
            shell::step("machine image", || crate::build_vm_image(&[]))?;
            shell::step("machine tests", || suite("machine", skipped))
        }
        "ui" => shell::step("user interface", || user_interface(skipped, failed)),
        "window" => shell::step("window", || window(skipped, failed)),
        "fresh" => fresh::run(skipped, Extent::SetUp),
        "demo" => fresh::run(skipped, Extent::Demo),
        "readme" => fresh::run(skipped, Extent::Readme),
        "starts" => {
            shell::step("machine image", || crate::build_vm_image(&[]))?;
            shell::step("machine starts", starts::run)
        }
        "mdbook" => shell::step("the book's pages", book::build),
        other => bail!("no such part: {other}"),
    }
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

/// Builds the programs.
pub(crate) fn build() -> Result<()> {
    shell::run(shell::cargo().arg("build").args(shell::SELECTION).args([
        "--bin",
        "cove",
        "--bin",
        "cove-monitor",
    ]))
}

/// Builds the programs, every test and what tests start.
fn build_all() -> Result<()> {
    shell::run(shell::cargo().arg("build").args(shell::SELECTION).arg("--all-targets"))
}

fn suite(name: &str, skipped: &Skipped) -> Result<()> {
    let mut command = shell::cargo();
    command.arg("test").args(shell::SELECTION).args(["--test", name]);
    // Two at once suit two cores; the suites say for themselves what must not run beside another.
    shell::run(skipped.told_by(command.args(["--", "--test-threads", "2"])))
}

/// Installs and builds the user interface, so that the window can be built; once in a run.
pub(crate) fn build_user_interface() -> Result<()> {
    static DONE: OnceLock<()> = OnceLock::new();
    if DONE.get().is_some() {
        return Ok(());
    }
    shell::run(node::npm()?.args(["ci", "--no-fund", "--no-audit"]))?;
    shell::run(node::npm()?.args(["run", "build"]))?;
    let _ = DONE.set(());
    Ok(())
}

/// Builds the window, which needs the user interface built.
pub(crate) fn build_window() -> Result<()> {
    shell::run(shell::cargo().args(["build", "-p", "cove-desktop-app", "--features", "custom-protocol"]))
}

fn user_interface(skipped: &Skipped, failed: &Failed) -> Result<()> {
    build_user_interface()?;
    shell::run(node::npm()?.args(["run", "check"]))?;
    if !setup::BROWSERS.iter().any(|name| shell::has(name)) {
        skipped.skip("window", "ui/tests/web", "not installed: Chromium, in which the screens are tested")?;
        return shell::run(failed.told_by(node::npm()?.args(["exec", "vitest", "run"])));
    }
    let mut command = node::npm()?;
    // The same screens over a real engine, where it is built.
    command.args(["test"]).env("COVE", shell::target().join("debug/cove"));
    shell::run(failed.told_by(skipped.told_by(&mut command)))
}

fn window(skipped: &Skipped, failed: &Failed) -> Result<()> {
    build_user_interface()?;
    build_window()?;
    let mut command = Command::new("dbus-run-session");
    command.current_dir(shell::root().join("ui"));
    node::add_path(&mut command)?;
    command.args(["--", "xvfb-run", "-a", "-s", "-screen 0 1280x800x24", "npm", "run", "test:window"]);
    command.env("COVE_DESKTOP", shell::target().join("debug/cove-desktop"));
    command.env("COVE", shell::target().join("debug/cove"));
    shell::run(failed.told_by(skipped.told_by(&mut command)))
}
