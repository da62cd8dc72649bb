//! Set-up, demo, tests, checks, benchmarks and the machine image: `cargo xtask help`.

#![allow(clippy::disallowed_methods, reason = "errors get their path by context here")]

mod bench;
mod book;
mod demo;
mod failed;
mod fresh;
mod links;
mod node;
mod setup;
mod shell;
mod skipped;
mod starts;
mod test;
mod tidy;
mod vm_image;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  setup [--check] [--remove] [GROUP…]
                             install what is missing in one transaction, naming each package (--check only reports;
                             what would take packages away is refused, or done with --remove);
                             groups: build engine machine desktop test (default: all)
  demo [--no-machine] [--no-window]
                             build everything and do the main job for real: a container here, the same
                             container in a machine, and the window when there is a display
  test [--long] [PART…]      set up, build and pass the tests; parts: unit e2e machine book ui window (default: all of
                             these), and with --long, or by name: fresh (set-up in fresh roots of the distributions, or of
                             COVE_FRESH=NAME,…), demo (`demo` there), readme (`demo` and `test` there), starts
                             (COVE_STARTS fresh machines, else 50), mdbook (the book as pages in target/book);
                             ends with a table of what was skipped, which COVE_REQUIRE=NEED,… makes a failure, and
                             with what failed
  tidy                       formatting, lints, crate directions, file sizes, licences, links and translations of documents
  book [PAGE…]               do what the pages of docs/book and the README show (or those named, such as `running`), with
                             the programs that are built, and compare
  bench [--small] [NAME…]    measure against the peers on this machine; a table and target/bench.json (--small: a tenth of
                             everything, to see that the measurements work)
  vm-image [OPTIONS]         build what a machine boots; see vm-images/README.md
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let result = match command {
        "setup" => setup::run(rest),
        "demo" => demo::run(rest),
        "test" => test::run(rest),
        "tidy" => tidy::run(rest),
        "bench" => bench::run(rest),
        "book" => book::run(rest),
        "vm-image" => build_vm_image(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(anyhow::anyhow!("no such command: {other}\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Builds what a machine boots.
fn build_vm_image(arguments: &[String]) -> anyhow::Result<()> {
    vm_image::build(arguments).map_err(anyhow::Error::msg)
}
