//! Set-up, demo, tests, checks, benchmarks and the machine image.

mod vm_image;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.split_first() {
        Some((command, rest)) if command == "vm-image" => vm_image::build(rest),
        _ => Err("usage: cargo xtask vm-image [options]".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
