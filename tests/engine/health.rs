//! Health checks: run by the monitor, asked for, and what is done about them.

use cove_test_support::{Bed, IMAGE, Service, everyone, wait_for};

/// A container that runs until it is stopped, with these options.
fn start(bed: &Bed, options: &[&str]) {
    let base = ["run", "-d", "--name", "c", "--network", "none", "--stop-timeout", "0"];
    let all: Vec<&str> = base.iter().chain(options).chain(&[IMAGE, "sleep", "1000"]).copied().collect();
    bed.cove(&all).ok();
}

fn inspected(bed: &Bed, format: &str) -> String {
    bed.cove(&["inspect", "--format", format, "c"]).ok().to_owned()
}

fn wait_until(bed: &Bed, format: &str, wanted: &str) {
    wait_for(wanted, 30, || (inspected(bed, format) == wanted).then_some(()));
}

#[test]
fn the_monitor_checks_by_itself() {
    everyone(|bed| {
        let check = "echo looked; test ! -e /bad";
        start(bed, &["--health-cmd", check, "--health-interval", "100ms", "--health-retries", "2"]);
        wait_until(bed, "{{.State.Health.Status}}", "healthy");
        bed.cove(&["exec", "c", "touch", "/bad"]).ok();
        wait_until(bed, "{{.State.Health.Status}}", "unhealthy");
        let log = inspected(bed, "{{json .State.Healthcheck.Log}}");
        assert!(log.contains("looked\\n") && log.contains("\"ExitCode\":1"), "{log}");
        wait_until(bed, "{{len .State.Health.Log}}", "5");
        let listed = bed.cove(&["ps", "--filter", "health=unhealthy", "--format", "{{.Status}}"]);
        assert!(listed.ok().ends_with("(unhealthy)"), "{}", listed.ok());
        assert_eq!(bed.cove(&["ps", "-q", "--filter", "health=healthy"]).ok(), "");
        let told =
            ["events", "--stream=false", "--filter", "event=health_status", "--format", "{{.HealthStatus}}"];
        let told = bed.cove(&told).ok().to_owned();
        assert!(told.starts_with("healthy") && told.ends_with("unhealthy"), "{told}");
        bed.cove(&["rm", "-f", "c"]).ok();
    });
}

#[test]
fn a_check_is_asked_for() {
    everyone(|bed| {
        let check =
            ["--health-cmd", "test ! -e /bad", "--health-retries", "3", "--health-interval", "disable"];
        start(bed, &check);
        assert_eq!(
            inspected(bed, "{{.State.Health.Status}} {{.Config.Healthcheck.Test}}"),
            "starting [CMD-SHELL test ! -e /bad]"
        );
        let run = ["healthcheck", "run", "c"];
        assert_eq!(bed.cove(&run).ok(), "");
        bed.cove(&["wait", "--condition", "healthy", "c"]).ok();
        bed.cove(&["exec", "c", "touch", "/bad"]).ok();
        let failed = bed.cove(&run);
        assert_eq!((failed.code, failed.stdout.trim()), (1, "unhealthy"));
        assert_eq!(inspected(bed, "{{.State.Health.Status}} {{.State.Health.FailingStreak}}"), "healthy 1");
        let ignored = bed.cove(&["healthcheck", "run", "--ignore-result", "c"]);
        assert_eq!((ignored.code, ignored.stdout.trim()), (0, "unhealthy"));
        let service = Service::start(bed);
        bed.cove(&["--url", &service.uri(), "healthcheck", "run", "c"]).fails(1, "");
        bed.cove(&["wait", "--condition", "unhealthy", "c"]).ok();
        bed.cove(&["restart", "c"]).ok();
        assert_eq!(inspected(bed, "{{.State.Health.Status}} {{.State.Health.FailingStreak}}"), "starting 0");
        bed.cove(&["stop", "c"]).ok();
        bed.cove(&run).fails(125, "is not running");
        bed.cove(&["rm", "c"]).ok();
        start(bed, &["--no-healthcheck"]);
        bed.cove(&run).fails(125, "has no defined healthcheck");
        bed.cove(&["healthcheck", "run", "--ignore-result", "none"]).fails(125, "no such container");
        bed.cove(&["rm", "-f", "c"]).ok();
    });
}

#[test]
fn something_is_done_about_it() {
    everyone(|bed| {
        bed.cove(&["create", "--health-on-failure", "kill", IMAGE, "true"])
            .fails(125, "Error: cannot set on-failure action to kill without a health check");
        for (action, by_itself) in [("kill", true), ("stop", false), ("stop", true), ("restart", false)] {
            let interval = if by_itself { "100ms" } else { "disable" };
            let options = ["--health-cmd", "test ! -e /bad || ! rm /bad", "--health-retries", "1"];
            let options: Vec<&str> = options
                .into_iter()
                .chain(["--health-on-failure", action, "--health-interval", interval])
                .collect();
            start(bed, &options);
            let before = inspected(bed, "{{.State.Pid}}");
            bed.cove(&["exec", "c", "touch", "/bad"]).ok();
            if !by_itself {
                bed.cove(&["healthcheck", "run", "c"]).fails(1, "");
            }
            if action == "restart" {
                bed.cove(&["wait", "--condition", "running", "c"]).ok();
                assert_ne!(inspected(bed, "{{.State.Pid}}"), before);
                assert_eq!(inspected(bed, "{{.RestartCount}}"), "1");
                bed.cove(&["healthcheck", "run", "c"]).ok();
            } else {
                wait_until(bed, "{{.State.Status}}", "exited");
            }
            bed.cove(&["rm", "-f", "c"]).ok();
        }
    });
}

#[test]
fn one_that_the_monitor_starts_again_is_counted() {
    everyone(|bed| {
        let check = ["--health-cmd", "test ! -e /bad || ! rm /bad", "--health-retries", "1"];
        start(bed, &[&check[..], &["--health-on-failure", "restart", "--health-interval", "100ms"]].concat());
        bed.cove(&["exec", "c", "touch", "/bad"]).ok();
        wait_until(bed, "{{.RestartCount}} {{.State.Status}}", "1 running");
        bed.cove(&["restart", "c"]).ok();
        assert_eq!(inspected(bed, "{{.RestartCount}}"), "0");
        bed.cove(&["rm", "-f", "c"]).ok();
    });
}

#[test]
fn a_running_container_goes_by_another_check_at_once() {
    everyone(|bed| {
        start(bed, &["--health-cmd", "true", "--health-interval", "disable"]);
        bed.cove(&["healthcheck", "run", "c"]).ok();
        wait_until(bed, "{{.State.Health.Status}}", "healthy");
        let change =
            ["--health-cmd", "echo other; false", "--health-interval", "100ms", "--health-retries", "2"];
        bed.cove(&[&["update"], &change[..], &["c"]].concat()).ok();
        wait_until(bed, "{{.State.Health.Status}}", "unhealthy");
        assert!(inspected(bed, "{{json .State.Health.Log}}").contains("other"));
        bed.cove(&["update", "--no-healthcheck", "c"]).ok();
        bed.cove(&["healthcheck", "run", "c"]).fails(125, "has no defined healthcheck");
        bed.cove(&["update", "--health-cmd", "true", "--health-interval", "100ms", "c"]).ok();
        wait_until(bed, "{{.State.Health.Status}}", "healthy");
        bed.cove(&["rm", "-f", "c"]).ok();
    });
}

#[test]
fn the_start_up_check_comes_first() {
    everyone(|bed| {
        let options = ["--health-cmd", "echo regular", "--health-startup-cmd", "echo first; test -e /up"];
        let options: Vec<&str> = options
            .into_iter()
            .chain(["--health-interval", "100ms", "--health-startup-interval", "100ms"])
            .collect();
        start(bed, &options);
        bed.cove(&["healthcheck", "run", "c"]).fails(1, "");
        assert_eq!(inspected(bed, "{{.State.Health.Status}}"), "starting");
        bed.cove(&["exec", "c", "touch", "/up"]).ok();
        wait_for("the regular check", 30, || {
            inspected(bed, "{{json .State.Health.Log}}").contains("regular").then_some(())
        });
        bed.cove(&["rm", "-f", "c"]).ok();
    });
}

#[test]
fn checks_end() {
    everyone(|bed| {
        start(
            bed,
            &["--health-cmd", "/bin/sleep 100", "--health-timeout", "1s", "--health-interval", "disable"],
        );
        bed.cove(&["healthcheck", "run", "c"]).fails(1, "");
        assert_eq!(inspected(bed, "{{range .State.Health.Log}}{{.ExitCode}}{{end}}"), "-1");
        bed.cove(&["rm", "-f", "c"]).ok();
        start(bed, &["--health-cmd", "/bin/sleep 100", "--health-interval", "disable"]);
        let asked = std::thread::scope(|scope| {
            let asked = scope.spawn(|| bed.cove(&["healthcheck", "run", "c"]));
            wait_for("the check", 30, || {
                bed.cove(&["top", "c", "args"])
                    .ok()
                    .lines()
                    .any(|line| line == "/bin/sleep 100")
                    .then_some(())
            });
            bed.cove(&["stop", "c"]).ok();
            asked.join().unwrap()
        });
        assert_eq!((asked.code, asked.stdout.trim()), (1, "stopped"));
        let state = "{{.State.Status}} {{.State.Health.Status}} {{.State.Health.FailingStreak}}";
        assert_eq!(inspected(bed, state), "exited stopped 0");
        bed.cove(&["rm", "c"]).ok();
    });
}

#[test]
fn results_are_kept_as_asked() {
    everyone(|bed| {
        let folder = bed.path("results");
        cove_sys::fs::create_dir_all(&folder).unwrap();
        cove_sys::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let folder = folder.display().to_string();
        let options = ["--health-cmd", "echo 0123456789", "--health-interval", "disable"];
        let options: Vec<&str> = options
            .into_iter()
            .chain(["--health-max-log-count", "2", "--health-max-log-size", "4"])
            .chain(["--health-log-destination", &folder])
            .collect();
        start(bed, &options);
        let shown =
            "{{.Config.HealthMaxLogCount}} {{.Config.HealthMaxLogSize}} {{.Config.HealthLogDestination}}";
        assert_eq!(inspected(bed, shown), format!("2 4 {folder}"));
        for _ in 0..3 {
            bed.cove(&["healthcheck", "run", "c"]).ok();
        }
        assert_eq!(inspected(bed, "{{range .State.Health.Log}}{{.Output}},{{end}}"), "0123,0123,");
        let id = inspected(bed, "{{.Id}}");
        let copy = cove_sys::fs::read_to_string(format!("{folder}/{id}-healthcheck.log")).unwrap();
        assert!(copy.contains("0123"), "{copy}");
        bed.cove(&["rm", "-f", "c"]).ok();
        bed.cove(&["create", "--health-cmd", "x", "--health-log-destination", "/no/such", IMAGE, "true"])
            .fails(125, "destination error");
    });
}
