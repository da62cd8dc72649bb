//! Options of the form NAME=VALUE.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cove_api::{BuildSecret, OtherContext};
use cove_build::Location;
use cove_config::Environment;

use crate::command_error::CommandError;

/// A name and its value; without one, an empty one.
pub(super) fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name.to_owned(), value.to_owned())
}

/// A name and its value; without one, that of the environment.
fn from_environment(text: &str, environment: &Environment) -> Option<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => Some((text.to_owned(), environment.raw(text)?.to_owned())),
    }
}

/// Values for `ARG`: those of files first.
pub(super) fn build_args(
    files: &[String],
    given: &[String],
    environment: &Environment,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut all = BTreeMap::new();
    for path in files {
        let text = cove_build::read_bounded(cove_sys::fs::File::open(path)?, path)?;
        let text =
            String::from_utf8(text).map_err(|_| CommandError::other(format!("{path}: it is not UTF-8")))?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            all.extend(from_environment(line, environment));
        }
    }
    for text in given {
        if text.is_empty() || text.starts_with('=') {
            return Err(CommandError::other(format!("invalid --build-arg {text:?}: it has no name")));
        }
        all.extend(from_environment(text, environment));
    }
    Ok(all)
}

/// Variables of the image.
pub(super) fn variables(given: &[String], environment: &Environment) -> Vec<(String, String)> {
    given
        .iter()
        .filter_map(|text| match text.split_once('=') {
            Some((name, value)) => Some((name.to_owned(), value.to_owned())),
            None => from_environment(text, environment),
        })
        .collect()
}

/// A secret: `id=ID[,src=FILE|,env=VARIABLE]`.
pub(super) fn secret(text: &str, environment: &Environment) -> Result<BuildSecret, CommandError> {
    let bad = |why: &str| CommandError::other(format!("incorrect secret {text:?}: {why}"));
    let (mut id, mut source, mut variable, mut kind) = (None, None, None, None);
    for field in text.split(',') {
        let (name, value) = field.split_once('=').ok_or_else(|| bad("a field without a value"))?;
        let place = match name.trim().to_ascii_lowercase().as_str() {
            "id" => &mut id,
            "src" | "source" => &mut source,
            "env" => &mut variable,
            "type" => &mut kind,
            _ => return Err(bad(&format!("unexpected key {name:?}"))),
        };
        *place = Some(value.to_owned());
    }
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| bad("it has no id"))?;
    if source.is_some() && variable.is_some() {
        return Err(bad("either a file or a variable"));
    }
    match kind.as_deref() {
        None => {}
        Some("env") => variable = variable.or(source.take()).or(Some(id.clone())),
        Some("file") if variable.is_none() => {}
        Some(_) => return Err(bad("its type is file or env")),
    }
    // Without either, a variable of that name comes before a file.
    if source.is_none() && variable.is_none() && kind.is_none() && environment.raw(&id).is_some() {
        variable = Some(id.clone());
    }
    let data = match (variable, source) {
        (Some(name), _) => match environment.raw(&name) {
            Some(value) => value.as_bytes().to_vec(),
            None => return Err(bad(&format!("there is no variable {name}"))),
        },
        (None, source) => read(&source.unwrap_or_else(|| id.clone()))?,
    };
    Ok(BuildSecret { id, data })
}

/// A further context: `NAME=FOLDER`, `NAME=ADDRESS` or `NAME=docker-image://IMAGE`.
pub(super) fn other_context(text: &str) -> Result<(String, OtherContext), CommandError> {
    let bad = |why: &str| CommandError::other(format!("--build-context {text:?}: {why}"));
    let (name, value) = text.split_once('=').ok_or_else(|| bad("it must be NAME=VALUE"))?;
    if name.is_empty() || value.is_empty() {
        return Err(bad("it must be NAME=VALUE"));
    }
    // BuildKit's clients may name a tag that nobody asks for.
    let name = name.to_owned();
    for transport in ["docker-image://", "container-image://", "docker://"] {
        if let Some(image) = value.strip_prefix(transport) {
            return Ok((name, OtherContext::Image(image.to_owned())));
        }
    }
    if Location::parse(value).map_err(cove_api::Error::from)?.is_some() {
        return Ok((name, OtherContext::Url(value.to_owned())));
    }
    let folder = cove_sys::fs::canonicalize(value)?;
    match folder.is_dir() {
        true => Ok((name, OtherContext::Folder(folder))),
        false => Err(bad("it is no folder")),
    }
}

/// An agent: `ID[=SOCKET]`, by default that of the environment.
pub(super) fn agent(text: &str, environment: &Environment) -> Result<(String, PathBuf), CommandError> {
    use std::os::unix::fs::FileTypeExt as _;
    let (id, socket) = text.split_once('=').unwrap_or((text, ""));
    let bad = |why: &str| CommandError::other(format!("--ssh {text:?}: {why}"));
    if id.is_empty() {
        return Err(bad("it has no id"));
    }
    let socket = match socket {
        "" => environment
            .raw("SSH_AUTH_SOCK")
            .filter(|socket| !socket.is_empty())
            .ok_or_else(|| bad("there is no variable SSH_AUTH_SOCK"))?,
        socket => socket,
    };
    let kind = cove_sys::fs::metadata(socket)?.file_type();
    match kind.is_socket() {
        true => Ok((id.to_owned(), std::path::absolute(socket)?)),
        false => Err(bad("it is no socket of an agent; add keys to one with ssh-add")),
    }
}

fn read(path: &str) -> Result<Vec<u8>, CommandError> {
    use std::io::Read as _;
    let mut data = Vec::new();
    cove_sys::fs::File::open(path)?.take(BuildSecret::MAX + 1).read_to_end(&mut data)?;
    if data.len() as u64 > BuildSecret::MAX {
        return Err(CommandError::other(format!("the secret {path} is larger than 1 MiB")));
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_files_or_variables() {
        let environment = Environment::new([("TOKEN", "t")]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        cove_sys::fs::write(&file, "data").unwrap();
        for (text, expected) in [
            ("id=a,env=TOKEN".to_owned(), Some("t")),
            ("id=TOKEN".to_owned(), Some("t")),
            ("id=a,type=env,src=TOKEN".to_owned(), Some("t")),
            (format!("id=a,src={}", file.display()), Some("data")),
            (format!("type=file,id=a,source={}", file.display()), Some("data")),
            ("id=a,env=NONE".to_owned(), None),
            ("src=a".to_owned(), None),
            ("id=a,src=b,env=c".to_owned(), None),
            ("id=a,type=ssh".to_owned(), None),
            ("id=a,bogus=b".to_owned(), None),
            ("id".to_owned(), None),
        ] {
            let data = secret(&text, &environment).ok().map(|secret| secret.data);
            assert_eq!(data.as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn contexts_are_folders_addresses_or_images() {
        let image = |name: &str| Some(OtherContext::Image(name.to_owned()));
        for (text, expected) in [
            ("a=docker-image://b:1", image("b:1")),
            ("a=container-image://b", image("b")),
            ("a=docker://b", image("b")),
            ("a=https://h/x.tar", Some(OtherContext::Url("https://h/x.tar".into()))),
            ("a=https://h/x.git#v1", Some(OtherContext::Url("https://h/x.git#v1".into()))),
            ("a=/", Some(OtherContext::Folder("/".into()))),
            ("a=/nothing/there", None),
            ("a=/etc/passwd", None),
            ("a=", None),
            ("=b", None),
            ("a", None),
        ] {
            assert_eq!(other_context(text).ok().map(|(_, other)| other), expected, "{text}");
        }
    }

    #[test]
    fn arguments_come_from_the_environment() {
        let environment = Environment::new([("HERE", "h")]);
        let given = ["A=b", "HERE", "GONE", "C="].map(ToOwned::to_owned);
        let all = build_args(&[], &given, &environment).unwrap();
        let expected = [("A", "b"), ("C", ""), ("HERE", "h")];
        assert_eq!(all, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert!(build_args(&[], &["=x".to_owned()], &environment).is_err());
    }
}
