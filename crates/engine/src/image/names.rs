//! Giving images names and taking names away.

use cove_api::{Error, ErrorKind, Result};
use cove_registry::Reference;
use cove_storage::NameChange;

use crate::engine::Core;
use crate::error::storage;
use crate::image::lookup;

/// The full form of a name the user gives an image: without a registry it is `localhost/…`, without a tag `latest`.
pub(crate) fn normalize(name: &str) -> Result<Reference> {
    if name.starts_with("sha256:") {
        return Err(Error::invalid(format!("{name}: tag by digest not supported")));
    }
    let full = if lookup::has_registry(name) { name.to_owned() } else { format!("localhost/{name}") };
    let reference = Reference::parse(&full)
        .map_err(|error| Error::from(error).context(format!("normalizing name {name:?}")))?;
    Ok(if reference.digest().is_some() { reference } else { reference.or_latest() })
}

/// Gives an image a further name; an image that has it loses it.
pub(crate) fn tag(core: &Core, name: &str, new_name: &str) -> Result<()> {
    let image = lookup::find(core, name)?.image;
    let reference = normalize(new_name)?;
    if reference.digest().is_some() {
        return Err(Error::invalid(format!("{new_name}: tag by digest not supported")));
    }
    core.store()?
        .change_image_names(&image.id, &[reference.to_string()], NameChange::Add)
        .map_err(storage)?;
    core.events.write("image", "tag", &image.id, [("name".to_owned(), reference.to_string())].into());
    Ok(())
}

/// Takes names away; an empty list takes all.
pub(super) fn untag(core: &Core, name: &str, names: &[String]) -> Result<()> {
    let found = lookup::find(core, name)?;
    let image = found.image;
    let wanted: Vec<String> = if names.is_empty() {
        image.names.clone()
    } else {
        names.iter().map(|name| full_name(core, name)).collect::<Result<_>>()?
    };
    for (full, written) in wanted.iter().zip(names.iter().chain(std::iter::repeat(&String::new()))) {
        if !image.names.contains(full) {
            let shown = if written.is_empty() { full } else { written };
            return Err(Error::new(ErrorKind::NotFound, format!("{shown}: tag not known")));
        }
    }
    core.store()?.change_image_names(&image.id, &wanted, NameChange::Remove).map_err(storage)?;
    for name in wanted {
        core.events.write("image", "untag", &image.id, [("name".to_owned(), name)].into());
    }
    Ok(())
}

/// The full form of a name that an image may have: the one it is found by, or as it would be given.
fn full_name(core: &Core, name: &str) -> Result<String> {
    let normalized = normalize(name)?.to_string();
    match lookup::find(core, name) {
        Ok(found) => Ok(found.name.filter(|found| found.contains('/')).unwrap_or(normalized)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(normalized),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed() {
        for (name, full) in [
            ("a", "localhost/a:latest"),
            ("a:1", "localhost/a:1"),
            ("quay.io/a/b", "quay.io/a/b:latest"),
            ("localhost:5000/x:y", "localhost:5000/x:y"),
        ] {
            assert_eq!(normalize(name).unwrap().to_string(), full);
        }
        assert!(normalize("sha256:abc").is_err() && normalize("A B").is_err());
    }
}
