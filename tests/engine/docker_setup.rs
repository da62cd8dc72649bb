//! `cove system docker-setup`: what it makes, what it refuses to replace, and that all of it can be taken back.

use std::path::Path;

use cove_test_support::{Outcome, Who, binary, everyone};

/// The same for root, in a namespace in which the folders of this machine are hidden, and for a user. `$1` is the
/// program, `$2` the usual socket, `$3` the link.
const SCRIPT: &str = r#"
set -eu
cove=$1 sock=$2 link=$3
setup() { "$cove" system docker-setup "$@"; }
export DOCKER_CONFIG=$HOME/config
rm -rf "$DOCKER_CONFIG"; mkdir -p "$DOCKER_CONFIG"
printf '{"auths": {}, "kept": [1]}' >"$DOCKER_CONFIG/config.json"

echo 1: nothing is done by a dry run
setup --dry-run --socket --link >"$HOME/dry"
test ! -e "$sock" && test ! -L "$sock" && test ! -L "$link" && test ! -e "$DOCKER_CONFIG/contexts"

echo 2: what was said is made
setup --socket --link >"$HOME/made" 2>"$HOME/advice"
cmp "$HOME/dry" "$HOME/made"
grep -q 'nobody listens' "$HOME/advice"
test "$(readlink "$link")" = "$cove"
"$link" --version | grep -q version
test "$("$cove" context show)" = cove
test "$("$cove" context inspect --format '{{.Endpoints.docker.Host}}' cove)" = "unix://$(readlink "$sock")"
grep -q kept "$DOCKER_CONFIG/config.json"

echo 3: once is enough
test "$(setup --socket --link 2>/dev/null)" = 'all of it is there already'

echo 4: all is taken back, and nothing else
setup --undo --dry-run >/dev/null
test -L "$sock" && test -L "$link"
setup --undo
test ! -L "$sock" && test ! -L "$link"
test "$("$cove" context ls -q)" = default
test "$("$cove" context show)" = default
grep -q kept "$DOCKER_CONFIG/config.json"
! grep -q currentContext "$DOCKER_CONFIG/config.json"
test "$(setup --undo)" = 'there is nothing to take back'

echo 5: what is somebody else\'s is not replaced, and then nothing is made at all
refused() {
    if setup "$@" 2>"$HOME/error"; then echo "was done: $*"; exit 1; fi
    cat "$HOME/error"
    test "$("$cove" context ls -q)" = "$expected"
}
expected=default
mkdir -p "$(dirname "$link")" "$(dirname "$sock")"
echo real >"$link"
refused --link
grep -q 'no link to' "$HOME/error"
test "$(cat "$link")" = real
rm "$link"
ln -s /somewhere/else "$sock"
refused --socket --link
test "$(readlink "$sock")" = /somewhere/else && test ! -L "$link"
rm "$sock"
"$cove" context create cove --docker host=unix:///other 2>/dev/null
expected=$("$cove" context ls -q)
refused
grep -q 'unix:///other' "$HOME/error"
"$cove" context rm cove >/dev/null

echo 6: what was changed since is left
"$cove" context create mine --docker host=unix:///mine >/dev/null 2>&1
"$cove" context use mine >/dev/null 2>&1
setup --link >/dev/null 2>&1
rm "$link"; echo other >"$link"
setup --undo >"$HOME/undone"
grep -q "left: $link is another by now" "$HOME/undone"
test "$("$cove" context show)" = mine
setup >/dev/null 2>&1
"$cove" context use default >/dev/null 2>&1
setup --undo >"$HOME/undone"
grep -q 'left: the current context' "$HOME/undone"
test "$("$cove" context ls -q | wc -l)" = 2

echo 7: units of systemd are told, where they are
"#;

/// A user's units are in the home.
const UNITS: &str = r#"
units=$HOME/.config/systemd/user
mkdir -p "$units"; touch "$units/cove.socket"
setup --socket >/dev/null 2>&1
grep -q "^Symlinks=$sock\$" "$units/cove.socket.d/docker.conf"
echo more >>"$units/cove.socket.d/docker.conf"
if setup --socket 2>/dev/null; then echo 'a changed file was replaced'; exit 1; fi
setup --undo | grep -q 'left: .*docker.conf was changed since'
rm -r "$units"
echo done
"#;

#[test]
fn all_is_made_once_and_taken_back() {
    everyone(|bed| {
        let cove = binary("cove");
        // Root's paths are the machine's.
        let is_user = !Outcome::of(bed.program(Path::new("id")), b"").ok().starts_with("uid=0(");
        let (socket, link) = match is_user {
            true => (bed.path("run/docker.sock"), bed.path("home/.local/bin/docker")),
            false => ("/run/docker.sock".into(), "/usr/local/bin/docker".into()),
        };
        let script = if is_user {
            format!("{SCRIPT}{UNITS}")
        } else {
            format!("mount -t tmpfs none /run; mount -t tmpfs none /usr/local/bin\n{SCRIPT}\necho done\n")
        };
        let mut command = match is_user {
            true => bed.program(Path::new("sh")),
            false => {
                let mut command = bed.program(Path::new("unshare"));
                command.args(["--mount", "sh"]);
                command
            }
        };
        command.args(["-c", &script, "sh"]).arg(&cove).arg(&socket).arg(&link);
        let outcome = Outcome::of(command, b"");
        assert!(outcome.ok().ends_with("done"), "{}\n{}", outcome.stdout, outcome.stderr);
    });
}

#[test]
fn undo_stands_alone() {
    let Some(bed) = cove_test_support::Bed::empty(Who::User) else { return };
    for other in ["--socket", "--link"] {
        bed.cove(&["system", "docker-setup", "--undo", other]).fails(125, "--undo");
    }
}
