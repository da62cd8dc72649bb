//! `--secret` of `run` and `create` (podman-run(1)): `NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]`.

use cove_api::{SecretFile, StringMap};

use crate::error::{Result, bail};

/// What `--secret` asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenSecrets {
    /// As files.
    pub files: Vec<SecretFile>,
    /// As variables: the variable and the secret.
    pub variables: StringMap,
}

/// Parses all values of `--secret`.
///
/// # Errors
/// One is wrong, in podman's words.
pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<GivenSecrets> {
    let mut all = GivenSecrets::default();
    for text in texts {
        parse(text, &mut all)?;
    }
    Ok(all)
}

fn parse(text: &str, all: &mut GivenSecrets) -> Result<()> {
    let mut file = SecretFile { mode: 0o444, ..SecretFile::default() };
    let (first, options) = match text.split_once(',') {
        None => {
            text.clone_into(&mut file.source);
            all.files.push(file);
            return Ok(());
        }
        Some((first, rest)) if !first.contains('=') => (first, rest),
        Some(_) => ("", text),
    };
    first.clone_into(&mut file.source);
    let mut kind = "";
    let mut is_for_files = false;
    for option in options.split(',') {
        let Some((name, value)) = option.split_once('=') else {
            bail!("option {option} must be in form option=value: parsing secret");
        };
        match name {
            "source" => value.clone_into(&mut file.source),
            "type" if !kind.is_empty() => bail!("cannot set more than one secret type: parsing secret"),
            "type" if !matches!(value, "mount" | "env") => bail!("type {value} is invalid: parsing secret"),
            "type" => kind = value,
            "target" => value.clone_into(&mut file.target),
            "mode" => {
                is_for_files = true;
                match u32::from_str_radix(value, 8) {
                    Ok(mode) => file.mode = mode,
                    Err(_) => bail!("mode {value} invalid: parsing secret"),
                }
            }
            "uid" | "UID" | "gid" | "GID" => {
                is_for_files = true;
                let Ok(id) = value.parse() else {
                    bail!("{} {value} invalid: parsing secret", name.to_ascii_uppercase())
                };
                if name.eq_ignore_ascii_case("uid") { file.uid = id } else { file.gid = id }
            }
            _ => bail!("option {option} invalid: parsing secret"),
        }
    }
    if file.source.is_empty() {
        bail!("no source found {text}: parsing secret");
    }
    if kind != "env" {
        all.files.push(file);
    } else if is_for_files {
        bail!("UID, GID, Mode options cannot be set with secret type env: parsing secret");
    } else {
        let variable = if file.target.is_empty() { file.source.clone() } else { file.target };
        all.variables.insert(variable, file.source);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(source: &str, target: &str, ids: (u32, u32), mode: u32) -> SecretFile {
        SecretFile { source: source.into(), target: target.into(), uid: ids.0, gid: ids.1, mode }
    }

    #[test]
    fn files() {
        for (text, expected) in [
            ("one", file("one", "", (0, 0), 0o444)),
            ("one,target=/a/b", file("one", "/a/b", (0, 0), 0o444)),
            ("one,type=mount,uid=1,GID=2,mode=0400", file("one", "", (1, 2), 0o400)),
            ("source=one,mode=777", file("one", "", (0, 0), 0o777)),
        ] {
            let parsed = parse_all([text]).unwrap();
            assert_eq!((parsed.files, parsed.variables.len()), (vec![expected], 0), "{text}");
        }
    }

    #[test]
    fn variables() {
        let parsed = parse_all(["one,type=env", "two,type=env,target=B"]).unwrap();
        let expected: StringMap = [("one".into(), "one".into()), ("B".into(), "two".into())].into();
        assert_eq!((parsed.files.len(), parsed.variables), (0, expected));
    }

    #[test]
    fn wrong_ones() {
        for (text, message) in [
            ("one,x", "option x must be in form option=value: parsing secret"),
            ("one,type=env,type=env", "cannot set more than one secret type"),
            ("one,type=volume", "type volume is invalid"),
            ("one,mode=9", "mode 9 invalid"),
            ("one,uid=-1", "UID -1 invalid"),
            ("one,gid=x", "GID x invalid"),
            ("one,colour=red", "option colour=red invalid"),
            ("type=env,target=A", "no source found type=env,target=A"),
            ("one,type=env,mode=400", "UID, GID, Mode options cannot be set with secret type env"),
        ] {
            let error = parse_all([text]).unwrap_err().to_string();
            assert!(error.starts_with(message), "{text}: {error}");
        }
    }
}
