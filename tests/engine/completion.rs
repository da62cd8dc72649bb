//! Completion of command lines, as the shells' scripts ask for it.

use std::path::Path;

use cove_test_support::{Bed, IMAGE, Need, Outcome, binary, everyone, met};

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

/// The script of a shell, in a file that is called so.
fn script_file(bed: &Bed, shell: &str, name: &str) -> String {
    let file = bed.path("run").join(name);
    cove_sys::fs::write(&file, bed.cove(&["completion", shell]).ok()).expect("a script");
    file.display().to_string()
}

/// The command line of the bed's program up to its first own word.
fn program(bed: &Bed) -> String {
    format!("{} {}", binary("cove").display(), bed.store_options().join(" "))
}

#[test]
fn fish_completes_by_its_script() {
    if !met(&[Need::Fish]) {
        return;
    }
    everyone(|bed| {
        bed.cove(&["create", "--name", "made", IMAGE, "true"]).ok();
        let (file, program) = (script_file(bed, "fish", "cove.fish"), program(bed));
        let asked = |line: &str| {
            let mut fish = bed.program(Path::new("fish"));
            let text = format!("source {file}; complete -C '{program} {line}'");
            fish.args(["--no-config", "-c", &text]);
            Outcome::of(fish, b"").ok().to_owned()
        };
        assert_eq!(asked("rm m"), "made");
        assert_eq!(asked("rmi loc"), IMAGE);
        assert_eq!(asked("ps --sort=im"), "--sort=image");
        assert!(asked("system d").starts_with("df\tShow what"));
        assert_eq!(asked("rename a b "), "");
        assert!(asked("load -i /et").contains("/etc/"));
    });
}

/// A line of a shell at a terminal, with a key that completes and one that shows what the line has become.
const ZSH: &str = r#"
zmodload zsh/zpty || exit 3
zpty inner 'zsh -f -i'
zpty -w inner 'stty -echo; PS1=; unset zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source $FILE'
zpty -w inner 'show() { print -r -- "<<$BUFFER>>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^X" show; print REA""DY'
zpty -r inner out '*READY*' || exit 4
for line in "$@"; do
    zpty -w -n inner "$PROGRAM $line"$'\t\x18'
    zpty -r inner out '*>>*' || exit 5
    print -r -- "${${${out##*<<}%%>>*}#$PROGRAM }"
done
zpty -d inner
"#;

#[test]
fn zsh_completes_by_its_script() {
    if !met(&[Need::Zsh]) {
        return;
    }
    everyone(|bed| {
        bed.cove(&["create", "--name", "made", IMAGE, "true"]).ok();
        let mut zsh = bed.program(Path::new("zsh"));
        zsh.args([
            "-f",
            "-c",
            ZSH,
            "zsh",
            "rm m",
            "rmi loc",
            "ps --sort=im",
            "ps --no-t",
            "system conn",
            "rename a b ",
        ]);
        zsh.env("FILE", script_file(bed, "zsh", "_cove")).env("PROGRAM", program(bed)).env("TERM", "dumb");
        let image = IMAGE.replace(':', "\\:");
        let lines = Outcome::of(zsh, b"");
        let expected = [
            "rm made ",
            &format!("rmi {image} "),
            "ps --sort=image ",
            "ps --no-trunc ",
            "system connection ",
            "rename a b ",
        ];
        let seen: Vec<&str> = lines.ok().lines().collect();
        let bare = |text: &str| text.replace('\\', "").trim().to_owned();
        assert_eq!(seen.iter().map(|line| bare(line)).collect::<Vec<_>>(), expected.map(bare));
    });
}
