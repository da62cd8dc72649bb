//! What a container has when nothing was asked for: exactly what Podman gives, since scripts and threat models
//! depend on it.

use cove_test_support::{Bed, IMAGE, Who, everyone};

fn inside(bed: &Bed, flags: &[&str], script: &str) -> String {
    let args = [&["run", "--rm", "--network", "none"], flags, &[IMAGE, "sh", "-c", script]].concat();
    bed.cove(&args).ok().to_owned()
}

#[test]
fn capabilities_seccomp_and_umask() {
    everyone(|bed| {
        let status = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status | tr -s '\\t\\n' '  '; umask";
        assert_eq!(
            inside(bed, &[], status),
            "CapInh: 0000000000000000 CapPrm: 00000000800405fb CapEff: 00000000800405fb CapBnd: 00000000800405fb \
             CapAmb: 0000000000000000 NoNewPrivs: 0 Seccomp: 2 0022"
        );
        assert_eq!(
            inside(
                bed,
                &["-u", "1000", "--cap-add", "net_raw"],
                "grep ^Cap /proc/self/status | cut -f2 | tr '\\n' ' '"
            ),
            "0000000000002000 0000000000002000 0000000000002000 00000000800425fb 0000000000002000"
        );
        assert_eq!(
            inside(bed, &["--cap-drop", "all"], "grep CapEff /proc/self/status | cut -f2"),
            "0000000000000000"
        );
        assert_eq!(
            inside(bed, &["--security-opt", "no-new-privileges"], "grep NoNew /proc/self/status | cut -f2"),
            "1"
        );
        assert_eq!(inside(bed, &["--privileged"], "grep Seccomp: /proc/self/status | cut -f2"), "0");
    });
}

#[test]
fn environment_devices_and_descriptors() {
    everyone(|bed| {
        let environment =
            inside(bed, &["--hostname", "box"], "env | grep -v -E '^(SHLVL|PWD|OLDPWD)=' | sort");
        assert_eq!(
            environment,
            "HOME=/root\nHOSTNAME=box\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\ncontainer=podman"
        );
        assert_eq!(inside(bed, &[], "ls /proc/self/fd | tr '\\n' ' '"), "0 1 2 3");
        let devices = inside(bed, &[], "ls /dev | grep -v -E '^core$' | tr '\\n' ' '");
        assert_eq!(devices, "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero");
    });
}

#[test]
fn masked_and_read_only_paths() {
    everyone(|bed| {
        assert_eq!(inside(bed, &[], "cat /proc/kcore 2>/dev/null | head -c 1 | wc -c"), "0");
        assert_eq!(inside(bed, &[], "cat /proc/keys /proc/timer_list 2>/dev/null | wc -c"), "0");
        assert_eq!(inside(bed, &[], "ls /sys/firmware | wc -l"), "0");
        let write = "echo 1 2>/dev/null >/proc/sys/kernel/domainname && echo written || echo refused";
        assert_eq!(inside(bed, &[], write), "refused");
        let shm = inside(bed, &[], "grep ' /dev/shm ' /proc/mounts");
        for option in ["nosuid", "nodev", "noexec", "size=64000k"] {
            assert!(shm.contains(option), "{option} is not in {shm}");
        }
    });
}

#[test]
fn a_working_directory_does_not_reach_the_host() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    for number in 3..12 {
        let path = format!("/proc/self/fd/{number}");
        let outcome = bed.cove(&["run", "--rm", "--network", "none", "-w", &path, IMAGE, "ls", "home"]);
        assert_ne!(outcome.code, 0, "{path}: {outcome:?}");
    }
}

#[test]
fn a_huge_user_number_is_refused() {
    everyone(|bed| {
        for user in ["4294967296", "2147483648:1", "-1"] {
            let outcome = bed.cove(&["run", "--rm", "--network", "none", "-u", user, IMAGE, "id", "-u"]);
            assert_ne!(outcome.code, 0, "{user}: {outcome:?}");
            assert_eq!(outcome.stdout, "", "{user}");
        }
    });
}

#[test]
fn the_server_tells_how_it_was_built() {
    let Some(bed) = Bed::empty(Who::Root) else { return };
    let service = cove_test_support::Service::start(&bed);
    let facts =
        |side: &str| format!("{{{{.{side}.GoVersion}}}} {{{{.{side}.Built}}}} {{{{.{side}.BuiltTime}}}}");
    let here = bed.cove(&["version", "--format", &facts("Client")]);
    let mut command = bed.program(&cove_test_support::binary("cove"));
    command.args(["--url", &service.uri(), "version", "--format", &facts("Server")]);
    let there = cove_test_support::Outcome::of(command, b"");
    assert!(here.ok().starts_with("rustc"), "{here:?}");
    assert_eq!(here.ok(), there.ok());
}

#[test]
fn containers_conf_says_what_every_container_has() {
    everyone(|bed| {
        let conf = bed.path("run").join("containers.conf");
        let data = bed.path("home").join("data");
        cove_sys::fs::write(&data, "configured\n").expect("a file");
        let text = format!(
            "[containers]\nread_only = true\noom_score_adj = 700\nmounts = [\"type=bind,src={0},dst=/data,ro\"]\n\
             volumes = [\"{0}:/more:ro\"]\n",
            data.display()
        );
        cove_sys::fs::write(&conf, text).expect("a file");
        let run = |flags: &[&str], script: &str| {
            let words = [&["run", "--rm", "--network", "none"], flags, &[IMAGE, "sh", "-c", script]].concat();
            let mut command = bed.command(&words);
            command.env("CONTAINERS_CONF_OVERRIDE", &conf);
            cove_test_support::Outcome::of(command, b"").stdout.trim().to_owned()
        };
        let look = "cat /data /more /proc/self/oom_score_adj; touch /x 2>/dev/null && echo written";
        assert_eq!(run(&[], look), "configured\nconfigured\n700");
        let own = run(&["--read-only=false", "--oom-score-adj", "800", "-v", "/more"], look);
        assert_eq!(own, "configured\n800\nwritten");
        bed.cove(&["create", "--cgroups", "nothing", IMAGE, "true"]).fails(125, "invalid cgroups mode");
        bed.cove(&["create", "--group-add", "keep-groups", "--group-add", "5", IMAGE, "true"])
            .fails(125, "is not allowed with any other");
        assert_eq!(inside(bed, &[], "readlink /etc/mtab"), "/proc/mounts");
    });
}
