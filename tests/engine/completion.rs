//! Completion of command lines, as the shells' scripts ask for it.

use cove_test_support::{Bed, IMAGE, binary, everyone};

/// The words that may follow, and the number of what else the shell offers.
fn asked(bed: &Bed, words: &[&str]) -> (Vec<String>, String) {
    let answer = bed.cove(&[&["__completeNoDesc"], words].concat());
    let mut lines: Vec<String> = answer.ok().lines().map(str::to_owned).collect();
    let directive = lines.pop().expect("a directive");
    (lines, directive)
}

#[test]
fn names_of_what_is_there_are_completed() {
    everyone(|bed| {
        bed.cove(&["create", "--name", "made", IMAGE, "true"]).ok();
        bed.cove(&["run", "-d", "--name", "runs", "--network", "none", IMAGE, "sleep", "100"]).ok();
        bed.cove(&["volume", "create", "data"]).ok();
        let words = |line: &[&str]| asked(bed, line).0;
        assert_eq!(words(&["rm", ""]), ["made", "runs"]);
        assert_eq!(words(&["start", ""]), ["made"]);
        assert_eq!(words(&["container", "stop", "-t", "3", ""]), ["runs"]);
        assert_eq!(words(&["volume", "rm", "d"]), ["data"]);
        assert_eq!(words(&["rmi", ""]), [IMAGE]);
        assert!(words(&["run", "--network", ""]).contains(&"podman".to_owned()));
        assert_eq!(words(&["ps", "--sort", "im"]), ["image"]);
        assert_eq!(words(&["system", "con"]), ["connection"]);
        assert_eq!(words(&["ps", "--no-t"]), ["--no-trunc"]);
        assert_eq!(asked(bed, &["exec", "runs", ""]), (Vec::new(), ":0".to_owned()));
        assert_eq!(asked(bed, &["rename", "a", "b", ""]), (Vec::new(), ":4".to_owned()));
        let described = bed.cove(&["__complete", "system", "d"]);
        assert!(described.ok().starts_with("df\tShow what"), "{}", described.stdout);
    });
}

#[test]
fn bash_completes_by_its_script() {
    everyone(|bed| {
        bed.cove(&["create", "--name", "made", IMAGE, "true"]).ok();
        let script = bed.path("run").join("cove.bash");
        cove_sys::fs::write(&script, bed.cove(&["completion", "bash"]).ok()).expect("a script");
        let test = format!(
            "source {}; COMP_WORDS=({} {} rm m) COMP_CWORD=6 COMP_WORDBREAKS=$' \\t\\n'; _cove_complete; echo \"${{COMPREPLY[@]}}\"",
            script.display(),
            binary("cove").display(),
            bed.store_options().join(" "),
        );
        let mut bash = bed.program(std::path::Path::new("bash"));
        bash.args(["-c", &test]);
        assert_eq!(cove_test_support::Outcome::of(bash, b"").ok(), "made");
    });
}

#[test]
fn every_command_has_a_manual_page() {
    everyone(|bed| {
        let folder = bed.path("run").join("man");
        bed.cove(&["__man", &folder.display().to_string()]).fails(125, "man");
        cove_sys::fs::create_dir(&folder).expect("a folder");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        cove_sys::fs::set_permissions(&folder, mode).expect("a mode");
        bed.cove(&["__man", &folder.display().to_string()]).ok();
        let page = cove_sys::fs::read_to_string(folder.join("cove-container-run.1")).expect("a page");
        assert!(page.contains("SYNOPSIS\ncove container run [options] IMAGE"), "{page}");
    });
}
