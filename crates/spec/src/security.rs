//! `--security-opt`, `--cap-add`, `--cap-drop`.

use cove_api::{CAPABILITIES, ContainerSpec};

use crate::error::{Result, bail};

/// The name that stands for all capabilities.
pub const ALL: &str = "ALL";

/// Writes a capability as `CAP_NAME`; `all` as [`ALL`].
///
/// # Errors
/// There is no such capability.
pub fn capability(text: &str) -> Result<String> {
    let upper = text.trim().to_ascii_uppercase();
    if upper == ALL || upper == "CAP_ALL" {
        return Ok(ALL.to_owned());
    }
    let name = if upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") };
    if CAPABILITIES.contains(&name.as_str()) {
        return Ok(name);
    }
    bail!("unknown capability {name:?}")
}

/// Writes all capabilities of a flag as [`capability`] does, each once; a flag may hold several with commas.
///
/// # Errors
/// As [`capability`].
pub fn capabilities<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for text in texts.into_iter().flat_map(|text| text.split(',')).filter(|text| !text.is_empty()) {
        let name = capability(text)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Puts all `--security-opt` flags into the spec. `=` and Docker's old `:` both separate name and value.
///
/// # Errors
/// An option is unknown or its value is wrong.
pub fn apply_options<'a>(texts: impl IntoIterator<Item = &'a str>, spec: &mut ContainerSpec) -> Result<()> {
    for text in texts {
        let separator = if text.contains('=') { '=' } else { ':' };
        let (key, value) = match text.split_once(separator) {
            Some((key, value)) => (key, Some(value)),
            None => (text, None),
        };
        if key == "no-new-privileges" {
            spec.no_new_privileges = Some(match value {
                None | Some("true" | "1") => true,
                Some("false" | "0") => false,
                Some(_) => bail!("invalid --security-opt: {text:?}: use true or false"),
            });
            continue;
        }
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            bail!("invalid --security-opt: {text:?}");
        };
        match key {
            "apparmor" => value.clone_into(&mut spec.apparmor_profile),
            "seccomp" => value.clone_into(&mut spec.seccomp_profile_path),
            "label" => {
                let known = ["user", "role", "type", "level", "filetype"];
                let is_known = matches!(value, "disable" | "nested")
                    || value.split_once(':').is_some_and(|(name, _)| known.contains(&name));
                if !is_known {
                    bail!("invalid --security-opt: {text:?}: use label=disable, label=type:NAME and so on");
                }
                spec.selinux_opts.push(value.to_owned());
            }
            "mask" => spec.mask.extend(paths(value, text)?),
            "unmask" if value.eq_ignore_ascii_case(ALL) => spec.unmask.push(ALL.to_owned()),
            "unmask" => spec.unmask.extend(paths(value, text)?),
            "proc-opts" => spec.proc_opts = value.split(',').map(str::to_owned).collect(),
            "systempaths" if value == "unconfined" => spec.unmask.push(ALL.to_owned()),
            "systempaths" => bail!("invalid systempaths option {value:?}, only `unconfined` is supported"),
            _ => bail!("invalid --security-opt: {text:?}"),
        }
    }
    Ok(())
}

/// Absolute paths with colons between them; patterns such as `/proc/*` are allowed.
fn paths(value: &str, text: &str) -> Result<Vec<String>> {
    let paths: Vec<String> = value.split(':').map(str::to_owned).collect();
    if paths.iter().all(|path| path.starts_with('/')) {
        return Ok(paths);
    }
    bail!("invalid --security-opt: {text:?}: absolute paths with ':' between them are needed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(capability("sys_admin").unwrap(), "CAP_SYS_ADMIN");
        assert_eq!(capability("CAP_bpf").unwrap(), "CAP_BPF");
        assert_eq!(capability("all").unwrap(), "ALL");
        assert!(capability("fly").unwrap_err().to_string().contains("\"CAP_FLY\""));
        assert_eq!(capabilities(["chown,kill", "CHOWN"]).unwrap(), ["CAP_CHOWN", "CAP_KILL"]);
    }

    #[test]
    fn options() {
        let mut spec = ContainerSpec::default();
        apply_options(
            [
                "no-new-privileges",
                "seccomp=unconfined",
                "label:type:spc_t",
                "apparmor=unconfined",
                "mask=/a:/b",
                "unmask=/proc/*",
                "systempaths=unconfined",
                "proc-opts=hidepid=2,subset=pid",
            ],
            &mut spec,
        )
        .unwrap();
        assert_eq!(spec.no_new_privileges, Some(true));
        assert_eq!(spec.seccomp_profile_path, "unconfined");
        assert_eq!(spec.selinux_opts, ["type:spc_t"]);
        assert_eq!(spec.mask, ["/a", "/b"]);
        assert_eq!(spec.unmask, ["/proc/*", "ALL"]);
        assert_eq!(spec.proc_opts, ["hidepid=2", "subset=pid"]);
        for text in [
            "",
            "seccomp",
            "seccomp=",
            "magic=on",
            "no-new-privileges=maybe",
            "mask=a",
            "systempaths=x",
            "label=x",
        ] {
            let error = apply_options([text], &mut spec).unwrap_err().to_string();
            assert!(error.contains("invalid"), "{text}: {error}");
        }
    }
}
