//! User namespaces of containers: `--userns`, `--uidmap`, and mounts whose owners are mapped.

use std::path::Path;

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Who, binary, everyone};

fn run(bed: &Bed, flags: &[&str], script: &str) -> String {
    let args = [&["run", "--rm"], flags, &[IMAGE, "sh", "-c", script]].concat();
    bed.cove(&args).ok().to_owned()
}

const MAP: &str = "tr -s ' ' </proc/self/uid_map";

#[test]
fn mappings_of_the_users() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let bed = &bed;
    let map = ["--network", "none", "--uidmap", "0:200000:5000"];
    assert_eq!(run(bed, &map, MAP).trim(), "0 200000 5000");
    let script =
        "id -u; stat -c %u:%g /bin /etc/passwd /etc/hosts; touch /new; stat -c %u /new; echo x >> /etc/hosts";
    assert_eq!(run(bed, &map, script), "0\n0:0\n0:0\n0:0\n0");
    let other = ["--network", "none", "--uidmap", "0:200000:100", "--gidmap", "0:300000:50"];
    assert_eq!(run(bed, &other, "tr -s ' ' </proc/self/gid_map").trim(), "0 300000 50");
    assert_eq!(run(bed, &[&map[..], &["-u", "7:8", "-v", "vol:/v"]].concat(), "stat -c %u:%g /v"), "7:8");
    bed.cove(&["create", "--name", "c", "--uidmap", "0:200000:5000", IMAGE, "true"]).ok();
    let form = "{{.HostConfig.UsernsMode}} {{.HostConfig.IDMappings.UidMap}}";
    assert_eq!(bed.cove(&["inspect", "--format", form, "c"]).ok(), "private [0:200000:5000]");
    bed.cove(&["create", "--uidmap", "0:1:5", "--userns", "host", IMAGE, "true"])
        .fails(125, "cannot be set together");
    bed.cove(&["create", "--uidmap", "0:1:5,3:9:5", IMAGE, "true"]).fails(125, "twice");
    bed.cove(&["create", "--userns", "nomap", IMAGE, "true"])
        .fails(125, "nomap is only supported in rootless mode");
    bed.cove(&["create", "--userns", "auto", IMAGE, "true"]).fails(125, "containers");
}

/// Archives have the owners that the container sees.
#[test]
fn what_is_exported_belongs_to_the_containers_users() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let bed = &bed;
    let script = "touch /mine && chown 7:8 /mine";
    let run =
        ["run", "--name", "c", "--network", "none", "--uidmap", "0:200000:5000", IMAGE, "sh", "-c", script];
    bed.cove(&run).ok();
    bed.cove(&["export", "-o", "home/c.tar", "c"]).ok();
    bed.cove(&["import", "home/c.tar", "localhost/exported"]).ok();
    bed.cove(&["commit", "-q", "c", "localhost/committed"]).ok();
    bed.cove(&["commit", "-q", "--squash", "c", "localhost/squashed"]).ok();
    for image in ["localhost/exported", "localhost/committed", "localhost/squashed"] {
        let look = ["run", "--rm", "--network", "none", image, "stat", "-c", "%u:%g", "/mine", "/bin"];
        assert_eq!(bed.cove(&look).ok(), "7:8\n0:0", "{image}");
    }
    bed.cove(&["rm", "c"]).ok();
}

#[test]
fn a_network_belongs_to_it() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let bed = &bed;
    let map = ["--uidmap", "0:200000:5000", "--cap-add", "net_admin"];
    let script = "ls /sys/kernel/debug 2>/dev/null | wc -l; ip link set lo down && ip link set lo up && echo mine; ip addr show eth0 | grep -c 'inet '; (nc -l -p 80 </dev/null & echo $?)";
    assert_eq!(run(bed, &map, script), "0\nmine\n1\n0");
    let name = ["run", "-d", "--name", "c", "--uidmap", "0:200000:5000", IMAGE, "sleep", "1000"];
    bed.cove(&name).ok();
    assert_eq!(
        bed.cove(&["exec", "c", "sh", "-c", "id -u; tr -s ' ' </proc/self/uid_map"]).ok().trim(),
        "0\n 0 200000 5000"
    );
    let joined = ["--userns", "container:c", "--network", "none"];
    assert_eq!(
        run(bed, &joined, "tr -s ' ' </proc/self/uid_map; stat -c %u /bin").trim(),
        "0 200000 5000\n0"
    );
    bed.cove(&["restart", "-t", "0", "c"]).ok();
    bed.cove(&["rm", "-f", "-t", "0", "c"]).ok();
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let root = bed.path("").display().to_string();
    assert!(!table.lines().any(|line| line.contains(&root) && line.contains("userns")), "{table}");
}

#[test]
fn the_caller_keeps_its_id() {
    let Some(bed) = Bed::new(Who::User) else { return };
    let bed = &bed;
    let flags = ["--network", "none", "--userns", "keep-id"];
    let mut command = bed.command(&["unshare", "sh", "-c", "awk '$1 == 0 {print $2}' /proc/self/uid_map"]);
    let output = command.output().unwrap();
    let uid = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let script = "id -u; stat -c %u /etc; grep -c \":$(id -u):\" /etc/passwd";
    assert_eq!(run(bed, &flags, script), format!("{uid}\n0\n1"));
    // The image may know somebody of that id.
    let home = "[ \"$HOME\" = \"$(awk -F: -v id=$(id -u) '$3 == id {print $6}' /etc/passwd)\" ]";
    assert_eq!(bed.cove(&[&["run", "--rm"], &flags[..], &[IMAGE, "sh", "-c", home]].concat()).code, 0);
    assert_eq!(run(bed, &[&flags[..], &["-u", "0"]].concat(), "id -u"), "0");
    let other = ["--network", "none", "--userns", "keep-id:uid=200,gid=210"];
    assert_eq!(run(bed, &other, "id -u; id -g"), "200\n210");
    let nomap = ["--network", "none", "--userns", "nomap"];
    assert_eq!(run(bed, &nomap, "head -n 1 /proc/self/uid_map | tr -s ' ' | cut -d ' ' -f 2,3"), "0 1");
    let auto = ["--network", "none", "--userns", "auto:size=2000"];
    assert_eq!(run(bed, &auto, MAP).trim(), "0 1 2000");
    let mapped = ["--network", "none", "--userns", "auto:size=10,uidmapping=1:0:1"];
    assert_eq!(run(bed, &mapped, "awk '$1 == 1 {print $2}' /proc/self/uid_map"), "0");
    assert_eq!(run(bed, &["--network", "none", "--uidmap", "0:1:1000"], MAP).trim(), "0 1 1000");
    assert_eq!(
        run(bed, &["--network", "none", "--uidmap", "+5:0:1"], "awk '$1 == 5 {print $2}' /proc/self/uid_map"),
        "0"
    );
}

#[test]
fn containers_made_at_once_share_no_ids() {
    const SIZE: u32 = 500;
    let Some(bed) = Bed::new(Who::User) else { return };
    let bed = &bed;
    let names: Vec<String> = (0..6).map(|number| format!("c{number}")).collect();
    let userns = format!("auto:size={SIZE}");
    let create = ["create", "--network", "none", "--userns", &userns, "--name"];
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(move || bed.cove(&[&create[..], &[name, IMAGE, "true"]].concat()).ok().len());
        }
    });
    let first = |name: &String| -> u32 {
        let form = "{{.HostConfig.IDMappings.UidMap}}";
        let shown = bed.cove(&["inspect", "--format", form, name]).ok().to_owned();
        let parts: Vec<&str> = shown.trim_matches(['[', ']']).split(':').collect();
        assert_eq!((parts[0], parts[2]), ("0", SIZE.to_string().as_str()), "{shown}");
        parts[1].parse().unwrap()
    };
    let mut firsts: Vec<u32> = names.iter().map(first).collect();
    firsts.sort_unstable();
    assert!(firsts.windows(2).all(|pair| pair[1] - pair[0] >= SIZE), "{firsts:?}");
}

#[test]
fn descriptors_are_passed() {
    everyone(|bed| {
        let file = bed.path("file");
        fs::write(&file, "passed\n").unwrap();
        let with = |arguments: &[&str]| {
            let mut command = bed.program(Path::new("/bin/sh"));
            command.arg("-c").arg(format!("exec \"$0\" \"$@\" 9<{}", file.display())).arg(binary("cove"));
            let output = command.args(bed.store_options()).args(arguments).output().unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
            (text(&output.stdout), text(&output.stderr))
        };
        let run = ["run", "--rm", "--network", "none"];
        let arguments = [
            &run[..],
            &[
                "--preserve-fd",
                "9",
                IMAGE,
                "sh",
                "-c",
                "cat <&9; ls -l /proc/self/fd | grep -c -- '-> /dev/null'",
            ],
        ]
        .concat();
        assert_eq!(with(&arguments).0, "passed\n7");
        let arguments = [&run[..], &["--preserve-fd", "50", IMAGE, "true"]].concat();
        let refused = with(&arguments).1;
        assert!(refused.contains("file descriptor 50 is not available"), "{refused}");
        let arguments = [&run[..], &["--preserve-fd", "9", "--preserve-fds", "2", IMAGE, "true"]].concat();
        assert!(with(&arguments).1.contains("cannot specify both"));
        bed.cove(&["run", "-d", "--name", "c", "--network", "none", IMAGE, "sleep", "1000"]).ok();
        assert_eq!(with(&["exec", "--preserve-fd", "9", "c", "sh", "-c", "cat <&9"]).0, "passed");
        assert_eq!(bed.cove(&["exec", "--no-session", "c", "echo", "x"]).ok(), "x");
        bed.cove(&["exec", "--no-session", "-d", "c", "true"]).fails(125, "--no-session cannot be used");
        bed.cove(&["rm", "-f", "-t", "0", "c"]).ok();
    });
}
