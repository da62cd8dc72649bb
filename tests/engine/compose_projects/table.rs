//! The projects.

use super::stage::Project;

/// Declares tests: each brings up a project of `files/` by both programs.
macro_rules! projects {
    ($($(#[$note:meta])* $name:ident: { $($field:ident: $value:expr),* $(,)? },)*) => {
        $(
            #[test]
            $(#[$note])*
            fn $name() {
                Project {
                    name: stringify!($name),
                    file: include_str!(concat!("files/", stringify!($name), ".yaml")),
                    $($field: $value,)*
                    ..Project::BARE
                }
                .agrees();
            }
        )*
    };
}

projects! {
    network_and_volume: {
        says: &[
            ("network_and_volume-web-1", "echo written > /data/file && touch /data/here", ""),
            ("network_and_volume-db-1", "cat /data/file && touch /deep/x && ! touch /cache/x 2>/dev/null", "written"),
            ("network_and_volume-db-1", "nslookup site >/dev/null && nslookup web >/dev/null && echo found", "found"),
        ],
    },
    dependencies: {
        says: &[("dependencies-app-1", "cat /seen", "ready")],
    },
    environment: {
        files: &[
            (".env", "FROM_DOTENV=dotenv\nNUMBER=1\n"),
            ("app.env", "OVER=env_file\nFILE=\"a ${FROM_DOTENV} file\"\n"),
            ("raw.env", "RAW='${NOT_READ}'\n"),
        ],
        options: &["--profile", "tools"],
        variables: &[("FROM_SHELL", "shell"), ("GREETING", "hi")],
        says: &[
            (
                "environment-app-1",
                "echo \"$GREETING|$OVER|$FILE|$RAW|$FROM_SHELL|${NOT_THERE-unset}|${EMPTY-unset}|$DOLLAR\"",
                "hi dotenv|file over env_file|a dotenv file|'${NOT_READ}'|shell|unset||$HOME",
            ),
            ("environment-tool-1", "echo $LIST $NUMBER", "of=entries 7"),
        ],
    },
    ports: {},
    secrets_and_configs: {
        files: &[("token.txt", "s3cret"), ("app.conf", "answer = 42\n")],
        variables: &[("TOKEN", "of-a-variable")],
        says: &[
            (
                "secrets_and_configs-app-1",
                "cd /run/secrets && cat from_file && echo && cat token && echo && cat /etc/elsewhere",
                "s3cret\nof-a-variable\ns3cret",
            ),
            (
                "secrets_and_configs-app-1",
                "cat /from_content /etc/app.conf /etc/variable.conf",
                "name = app\nanswer = 42\nof-a-variable",
            ),
            (
                "secrets_and_configs-app-1",
                "stat -c '%a %u %g' /run/secrets/token /etc/variable.conf /from_content",
                "400 1000 1000\n440 0 0\n444 0 0",
            ),
        ],
    },
    mounts: {
        files: &[("present/file.txt", "present\n")],
        says: &[
            ("mounts-app-1", "cat file.txt /etc/file.txt /slave/file.txt", "present\npresent\npresent"),
            ("mounts-app-1", "touch /missing/x /also/x /nameless/x /small/x && touch /present/x 2>&1 | wc -l", "1"),
            ("mounts-app-1", "df -k /scratch /small | awk 'NR>1 {print $2}'; stat -c %a /small", "64\n1024\n700"),
        ],
    },
    network_modes: {
        says: &[
            ("network_modes-alone-1", "ls /sys/class/net", "lo"),
            ("network_modes-beside-1", "ps | grep -c 'sleep 100[0]'", "2"),
        ],
    },
    host_settings: {
        says: &[
            (
                "host_settings-names-1",
                "hostname; grep -c 'one.test\\|six.test' /etc/hosts; cat /proc/sys/net/ipv4/ip_default_ttl",
                "box\n2\n77",
            ),
            (
                "host_settings-limits-1",
                "id -un; ulimit -Sn; ulimit -Hn; touch /file 2>/dev/null || echo read-only",
                "guest\n100\n200\nread-only",
            ),
        ],
    },
    process: {
        says: &[
            ("process-app-1", "id -u; pwd; cat /proc/1/comm | grep -v '^sh$' | wc -l", "1000\n/home\n1"),
            ("a-name-of-its-own", "cat /proc/1/comm", "sleep"),
        ],
    },
    scale: {
        says: &[("scale-twice-2", "echo here", "here"), ("scale-thrice-3", "echo here", "here")],
    },
    resources: { limits: true },
    external: {
        before: &[&["network", "create", "--ignore", "the-network"], &["volume", "create", "the-volume"]],
    },
    addresses: {
        says: &[("addresses-router-1", "ip -o addr | grep -c '10.231.77.10/\\|10.231.78.10/\\|231:79::10/'", "3")],
    },
}

#[test]
fn created() {
    Project {
        name: "created",
        file: include_str!("files/dependencies.yaml"),
        says: &[("created-app-1", "cat /seen", "ready")],
        ..Project::BARE
    }
    .is_created_alike();
}
