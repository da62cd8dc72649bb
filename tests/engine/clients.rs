//! Docker's clients of other languages against the service.

use std::process::Command;

use cove_test_support::{IMAGE, Need, Outcome, Service, everyone, met};

/// What a program does with docker-py in a day; the script says which step failed.
const DAY: &str = include_str!("clients/day.py");

#[test]
fn docker_py_has_its_day() {
    if !met(&[Need::DockerPy]) {
        return;
    }
    everyone(|bed| {
        let service = Service::start(bed);
        let mut command = Command::new("python3");
        command
            .args(["-c", DAY, &service.uri(), IMAGE])
            .env("HOME", bed.path("home"))
            .env_remove("DOCKER_HOST");
        let outcome = Outcome::of(command, b"");
        assert_eq!(outcome.code, 0, "{}\n{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stdout.lines().filter(|line| line.starts_with("ok ")).count() >= 12, "{outcome:?}");
    });
}
