//! Requests that schemathesis makes from the service's own OpenAPI document.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Need, Who, free_port, met, wait_for};

/// For how long, in seconds, where `COVE_FUZZ` does not say.
const SECONDS: &str = "300";

/// Things that are there and archives, which no document describes.
const HOOKS: &str = include_str!("clients/schemathesis_hooks.py");

/// Streams without an end, lines of JSON that are no document, and what would wait for a registry.
const NOT_ASKED: &str =
    "(/events|/(attach|logs|wait|stats|push|distribution)|/images/(pull|push)|/artifacts/pull)$";

/// The first is of the hooks.
const CHECKS: &str =
    "errors_say_why,status_code_conformance,content_type_conformance,response_schema_conformance";

/// What a process does that heeds its stop signal.
const ENDS_WHEN_ASKED: &str = "trap exit TERM; while :; do sleep 0.2; done";

/// The service; it ends with this value.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As an ordinary user: what root's service changes, such as networks, is the machine's.
#[test]
#[ignore = "long: cargo xtask test fuzz"]
fn no_request_of_the_document_fails_the_service() {
    if !met(&[Need::Schemathesis]) {
        return;
    }
    let Some(bed) = Bed::new(Who::User) else { return };
    for made in [
        &["create", "--name", "there", IMAGE, "sh", "-c", ENDS_WHEN_ASKED][..],
        &["volume", "create", "there"],
        &["network", "create", "there"],
        &["pod", "create", "--name", "there-pod"],
    ] {
        bed.cove(made).ok();
    }
    bed.cove_with(&["secret", "create", "there", "-"], b"hush").ok();
    let address = format!("127.0.0.1:{}", free_port());
    let log = bed.path("service.log");
    let mut service = bed.command(&["system", "service", "--time", "0", &format!("tcp://{address}")]);
    service.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).expect("a log"));
    let _service = Ends(service.spawn().expect("the service"));
    wait_for("the service", 20, || TcpStream::connect(&address).ok());
    let hooks = bed.path("schemathesis_hooks.py");
    fs::write(&hooks, HOOKS).expect("a file");
    let seconds = std::env::var("COVE_FUZZ").unwrap_or_else(|_| SECONDS.to_owned());
    let not_asked = format!("{NOT_ASKED}|prune$");
    // What removes all that is there comes last.
    for asked in [
        &["--exclude-path-regex", &not_asked, "--max-time", &seconds][..],
        &["--include-path-regex", "prune$", "--max-examples", "20"],
    ] {
        let mut command = Command::new("schemathesis");
        command.arg("run").arg(format!("http://{address}/cove/openapi.json"));
        command.arg("--url").arg(format!("http://{address}/v5.0.0/libpod")).args(asked);
        command.args(["--phases", "coverage,fuzzing", "--request-timeout", "30", "--continue-on-failure"]);
        command.args(["--warnings", "off", "--checks", CHECKS]);
        command.current_dir(bed.path("")).env("PYTHONPATH", bed.path(""));
        command.env("SCHEMATHESIS_HOOKS", "schemathesis_hooks");
        let ended = command.status().expect("schemathesis");
        let told = fs::read_to_string(&log).expect("the log");
        assert!(ended.success(), "schemathesis: {ended}; the service: {told}");
        assert!(!told.contains("panicked") && !told.contains("handler"), "{told}");
    }
    assert!(bed.cove(&["info", "--format", "{{.Host.OS}}"]).ok().contains("linux"));
}
