//! Which keys there are, and of what kind their values are, by the Compose specification.

use crate::error::Result;
use crate::tree::{Item, Kind};

/// What a value may be.
enum Rule {
    /// One of these kinds, as bits.
    One(u8),
    /// A list.
    List(&'static Rule),
    /// A mapping of names.
    Named(&'static Rule),
    /// A mapping with these keys, and extensions.
    Keys(&'static [(&'static str, Rule)]),
    /// One of several, which differ in their kind.
    Any(&'static [Rule]),
    /// What is only looked at later.
    Free,
}

use Rule::{Any, Free, Keys, List, Named, One};

const TEXT: u8 = 1;
const NUMBER: u8 = 2;
const TRUTH: u8 = 4;
const NULL: u8 = 8;

const STR: Rule = One(TEXT);
const NUM: Rule = One(NUMBER | TEXT);
const BOOL: Rule = One(TRUTH | TEXT);
const VALUE: Rule = One(TEXT | NUMBER | TRUTH | NULL);
const TEXTS: Rule = List(&STR);
const ONE_OR_TEXTS: Rule = Any(&[STR, TEXTS]);
const VALUES: Rule = Any(&[Named(&VALUE), List(&One(TEXT | NUMBER))]);
const OPTIONS: Rule = Named(&One(TEXT | NUMBER | NULL));
const COMMAND: Rule = Any(&[One(TEXT | NULL), TEXTS]);
const HOSTS: Rule = Any(&[Named(&ONE_OR_TEXTS), TEXTS]);
const ULIMITS: Rule = Named(&Any(&[NUM, Keys(&[("soft", NUM), ("hard", NUM)])]));
const FILES: Rule =
    List(&Any(&[STR, Keys(&[("source", STR), ("target", STR), ("uid", STR), ("gid", STR), ("mode", NUM)])]));
const DEVICES: Rule = List(&Keys(&[
    ("capabilities", TEXTS),
    ("count", NUM),
    ("device_ids", TEXTS),
    ("driver", STR),
    ("options", VALUES),
]));
const HOOK: Rule = Keys(&[
    ("command", COMMAND),
    ("user", STR),
    ("privileged", BOOL),
    ("working_dir", STR),
    ("environment", VALUES),
]);
const EXTERNAL: Rule = Any(&[BOOL, Keys(&[("name", STR)])]);
const UPDATE: Rule = Keys(&[
    ("parallelism", NUM),
    ("delay", STR),
    ("failure_action", STR),
    ("monitor", STR),
    ("max_failure_ratio", NUM),
    ("order", STR),
]);
const RATES: Rule = List(&Keys(&[("path", STR), ("rate", NUM)]));

const BUILD: Rule = Any(&[
    STR,
    Keys(&[
        ("context", STR),
        ("dockerfile", STR),
        ("dockerfile_inline", STR),
        ("entitlements", TEXTS),
        ("args", VALUES),
        ("ssh", VALUES),
        ("labels", VALUES),
        ("cache_from", TEXTS),
        ("cache_to", TEXTS),
        ("no_cache", BOOL),
        ("additional_contexts", VALUES),
        ("network", STR),
        ("provenance", BOOL),
        ("sbom", BOOL),
        ("pull", BOOL),
        ("target", STR),
        ("shm_size", NUM),
        ("extra_hosts", HOSTS),
        ("isolation", STR),
        ("privileged", BOOL),
        ("secrets", FILES),
        ("tags", TEXTS),
        ("ulimits", ULIMITS),
        ("platforms", TEXTS),
    ]),
]);

const DEPLOY: Rule = Any(&[
    One(NULL),
    Keys(&[
        ("mode", STR),
        ("endpoint_mode", STR),
        ("replicas", NUM),
        ("labels", VALUES),
        ("rollback_config", UPDATE),
        ("update_config", UPDATE),
        (
            "resources",
            Keys(&[
                ("limits", Keys(&[("cpus", NUM), ("memory", STR), ("pids", NUM)])),
                (
                    "reservations",
                    Keys(&[
                        ("cpus", NUM),
                        ("memory", STR),
                        (
                            "generic_resources",
                            List(&Keys(&[(
                                "discrete_resource_spec",
                                Keys(&[("kind", STR), ("value", NUM)]),
                            )])),
                        ),
                        ("devices", DEVICES),
                    ]),
                ),
            ]),
        ),
        (
            "restart_policy",
            Keys(&[("condition", STR), ("delay", STR), ("max_attempts", NUM), ("window", STR)]),
        ),
        (
            "placement",
            Keys(&[
                ("constraints", TEXTS),
                ("preferences", List(&Keys(&[("spread", STR)]))),
                ("max_replicas_per_node", NUM),
            ]),
        ),
    ]),
]);

const MOUNTS: Rule = List(&Any(&[
    STR,
    Keys(&[
        ("type", STR),
        ("source", STR),
        ("target", STR),
        ("read_only", BOOL),
        ("consistency", STR),
        (
            "bind",
            Keys(&[("propagation", STR), ("create_host_path", BOOL), ("recursive", STR), ("selinux", STR)]),
        ),
        ("volume", Keys(&[("labels", VALUES), ("nocopy", BOOL), ("subpath", STR)])),
        ("tmpfs", Keys(&[("size", NUM), ("mode", NUM)])),
        ("image", Keys(&[("subpath", STR)])),
    ]),
]));

const SERVICE: Rule = Keys(&[
    ("annotations", VALUES),
    ("attach", BOOL),
    (
        "blkio_config",
        Keys(&[
            ("device_read_bps", RATES),
            ("device_read_iops", RATES),
            ("device_write_bps", RATES),
            ("device_write_iops", RATES),
            ("weight", NUM),
            ("weight_device", List(&Keys(&[("path", STR), ("weight", NUM)]))),
        ]),
    ),
    ("build", BUILD),
    ("cap_add", TEXTS),
    ("cap_drop", TEXTS),
    ("cgroup", STR),
    ("cgroup_parent", STR),
    ("command", COMMAND),
    ("configs", FILES),
    ("container_name", STR),
    ("cpu_count", NUM),
    ("cpu_percent", NUM),
    ("cpu_period", NUM),
    ("cpu_quota", NUM),
    ("cpu_rt_period", NUM),
    ("cpu_rt_runtime", NUM),
    ("cpu_shares", NUM),
    ("cpus", NUM),
    ("cpuset", STR),
    ("credential_spec", Keys(&[("config", STR), ("file", STR), ("registry", STR)])),
    (
        "depends_on",
        Any(&[TEXTS, Named(&Keys(&[("restart", BOOL), ("required", One(TRUTH)), ("condition", STR)]))]),
    ),
    ("deploy", DEPLOY),
    (
        "develop",
        Any(&[
            One(NULL),
            Keys(&[(
                "watch",
                List(&Keys(&[
                    ("ignore", ONE_OR_TEXTS),
                    ("include", ONE_OR_TEXTS),
                    ("path", STR),
                    ("action", STR),
                    ("target", STR),
                    ("exec", HOOK),
                    ("initial_sync", One(TRUTH)),
                ])),
            )]),
        ]),
    ),
    ("device_cgroup_rules", TEXTS),
    ("devices", List(&Any(&[STR, Keys(&[("source", STR), ("target", STR), ("permissions", STR)])]))),
    ("dns", ONE_OR_TEXTS),
    ("dns_opt", TEXTS),
    ("dns_search", ONE_OR_TEXTS),
    ("domainname", STR),
    ("entrypoint", COMMAND),
    (
        "env_file",
        Any(&[STR, List(&Any(&[STR, Keys(&[("path", STR), ("format", STR), ("required", BOOL)])]))]),
    ),
    ("environment", VALUES),
    ("expose", List(&NUM)),
    ("extends", Any(&[STR, Keys(&[("service", STR), ("file", STR)])])),
    ("external_links", TEXTS),
    ("extra_hosts", HOSTS),
    ("gpus", Any(&[STR, DEVICES])),
    ("group_add", List(&NUM)),
    (
        "healthcheck",
        Keys(&[
            ("disable", BOOL),
            ("interval", STR),
            ("retries", NUM),
            ("test", ONE_OR_TEXTS),
            ("timeout", STR),
            ("start_period", STR),
            ("start_interval", STR),
        ]),
    ),
    ("hostname", STR),
    ("image", STR),
    ("init", BOOL),
    ("ipc", STR),
    ("isolation", STR),
    ("label_file", ONE_OR_TEXTS),
    ("labels", VALUES),
    ("links", TEXTS),
    ("logging", Keys(&[("driver", STR), ("options", OPTIONS)])),
    ("mac_address", STR),
    ("mem_limit", NUM),
    ("mem_reservation", NUM),
    ("mem_swappiness", NUM),
    ("memswap_limit", NUM),
    ("models", Any(&[TEXTS, Named(&Any(&[One(NULL), Keys(&[("endpoint_var", STR), ("model_var", STR)])]))])),
    ("network_mode", STR),
    (
        "networks",
        Any(&[
            TEXTS,
            Named(&Any(&[
                One(NULL),
                Keys(&[
                    ("aliases", TEXTS),
                    ("interface_name", STR),
                    ("ipv4_address", STR),
                    ("ipv6_address", STR),
                    ("link_local_ips", TEXTS),
                    ("mac_address", STR),
                    ("driver_opts", OPTIONS),
                    ("priority", One(NUMBER)),
                    ("gw_priority", One(NUMBER)),
                ]),
            ])),
        ]),
    ),
    ("oom_kill_disable", BOOL),
    ("oom_score_adj", NUM),
    ("pid", One(TEXT | NULL)),
    ("pids_limit", NUM),
    ("platform", STR),
    (
        "ports",
        List(&Any(&[
            NUM,
            Keys(&[
                ("name", STR),
                ("mode", STR),
                ("host_ip", STR),
                ("target", NUM),
                ("published", NUM),
                ("protocol", STR),
                ("app_protocol", STR),
            ]),
        ])),
    ),
    ("post_start", List(&HOOK)),
    ("pre_stop", List(&HOOK)),
    ("privileged", BOOL),
    ("profiles", TEXTS),
    ("provider", Keys(&[("type", STR), ("options", Named(&Any(&[VALUE, List(&VALUE)])))])),
    ("pull_policy", STR),
    ("read_only", BOOL),
    ("restart", STR),
    ("runtime", STR),
    ("scale", NUM),
    ("secrets", FILES),
    ("security_opt", TEXTS),
    ("shm_size", NUM),
    ("stdin_open", BOOL),
    ("stop_grace_period", STR),
    ("stop_signal", STR),
    ("storage_opt", Named(&VALUE)),
    ("sysctls", VALUES),
    ("tmpfs", ONE_OR_TEXTS),
    ("tty", BOOL),
    ("ulimits", ULIMITS),
    ("use_api_socket", One(TRUTH)),
    ("user", STR),
    ("userns_mode", STR),
    ("uts", STR),
    ("volumes", MOUNTS),
    ("volumes_from", TEXTS),
    ("working_dir", STR),
]);

const NETWORK: Rule = Any(&[
    One(NULL),
    Keys(&[
        ("name", STR),
        ("driver", STR),
        ("driver_opts", OPTIONS),
        (
            "ipam",
            Keys(&[
                ("driver", STR),
                (
                    "config",
                    List(&Keys(&[
                        ("subnet", STR),
                        ("ip_range", STR),
                        ("gateway", STR),
                        ("aux_addresses", Named(&STR)),
                    ])),
                ),
                ("options", Named(&STR)),
            ]),
        ),
        ("external", EXTERNAL),
        ("internal", BOOL),
        ("enable_ipv4", BOOL),
        ("enable_ipv6", BOOL),
        ("attachable", BOOL),
        ("labels", VALUES),
    ]),
]);

const VOLUME: Rule = Any(&[
    One(NULL),
    Keys(&[
        ("name", STR),
        ("driver", STR),
        ("driver_opts", OPTIONS),
        ("external", EXTERNAL),
        ("labels", VALUES),
    ]),
]);

const SECRET: Rule = Keys(&[
    ("name", STR),
    ("environment", STR),
    ("file", STR),
    ("external", EXTERNAL),
    ("labels", VALUES),
    ("driver", STR),
    ("driver_opts", OPTIONS),
    ("template_driver", STR),
]);

const CONFIG: Rule = Keys(&[
    ("name", STR),
    ("content", STR),
    ("environment", STR),
    ("file", STR),
    ("external", EXTERNAL),
    ("labels", VALUES),
    ("template_driver", STR),
]);

static FILE: Rule = Keys(&[
    ("version", STR),
    ("name", STR),
    ("include", Free),
    ("services", Named(&SERVICE)),
    (
        "models",
        Named(&Keys(&[
            ("name", STR),
            ("model", STR),
            ("context_size", One(NUMBER)),
            ("runtime_flags", TEXTS),
        ])),
    ),
    ("networks", Named(&NETWORK)),
    ("volumes", Named(&VOLUME)),
    ("secrets", Named(&SECRET)),
    ("configs", Named(&CONFIG)),
]);

/// Sections whose names others refer to.
const SECTIONS: [&str; 6] = ["services", "models", "networks", "volumes", "secrets", "configs"];

/// Checks a whole file.
///
/// # Errors
/// A key is not known, or a value of the wrong kind; the error names the file, the line and the key.
pub(crate) fn validate(root: &Item) -> Result<()> {
    check(root, &FILE, &mut Vec::new())?;
    for section in SECTIONS {
        for (name, item) in root.get(section).and_then(Item::as_map).into_iter().flatten() {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if name.is_empty() || !name.chars().all(fits) {
                return item.fail(section, format!("additional properties '{name}' not allowed"));
            }
        }
    }
    Ok(())
}

fn kind(item: &Item) -> u8 {
    match item.kind {
        Kind::Null => NULL,
        Kind::Bool(_) => TRUTH,
        Kind::Int(_) | Kind::Float(_) => NUMBER,
        Kind::Text(_) => TEXT,
        Kind::List(_) | Kind::Map(_) => 0,
    }
}

/// Whether a rule is for values of this kind, whatever is in them.
fn takes(rule: &Rule, item: &Item) -> bool {
    match rule {
        One(kinds) => kinds & kind(item) != 0,
        List(_) => item.as_list().is_some(),
        Named(_) | Keys(_) => item.as_map().is_some(),
        Any(rules) => rules.iter().any(|rule| takes(rule, item)),
        Free => true,
    }
}

fn words(rule: &Rule, into: &mut Vec<&'static str>) {
    match rule {
        One(kinds) => {
            let names = [(TEXT, "string"), (NUMBER, "number"), (TRUTH, "boolean"), (NULL, "null")];
            into.extend(names.iter().filter(|(bit, _)| kinds & bit != 0).map(|(_, name)| *name));
        }
        List(_) => into.push("array"),
        Named(_) | Keys(_) => into.push("mapping"),
        Any(rules) => rules.iter().for_each(|rule| words(rule, into)),
        Free => {}
    }
}

fn check(item: &Item, rule: &Rule, path: &mut Vec<String>) -> Result<()> {
    if !takes(rule, item) {
        let mut kinds = Vec::new();
        words(rule, &mut kinds);
        return item.fail(&path.join("."), format!("must be a {}", kinds.join(" or ")));
    }
    match (rule, &item.kind) {
        (Any(rules), _) => {
            rules.iter().find(|rule| takes(rule, item)).map_or(Ok(()), |rule| check(item, rule, path))
        }
        (List(inner), Kind::List(items)) => {
            for (at, item) in items.iter().enumerate() {
                path.push(at.to_string());
                check(item, inner, path)?;
                path.pop();
            }
            Ok(())
        }
        (Named(inner), Kind::Map(entries)) => {
            for (key, item) in entries {
                path.push(key.clone());
                check(item, inner, path)?;
                path.pop();
            }
            Ok(())
        }
        (Keys(keys), Kind::Map(entries)) => {
            for (key, item) in entries {
                match keys.iter().find(|(name, _)| name == key) {
                    Some((_, rule)) => {
                        path.push(key.clone());
                        check(item, rule, path)?;
                        path.pop();
                    }
                    None if key.starts_with("x-") => {}
                    None => {
                        return item
                            .fail(&path.join("."), format!("additional properties '{key}' not allowed"));
                    }
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
