//! Documents kept beside an image or container, one file each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;

use cove_archive::Digest;

use crate::dirs;
use crate::error::{Result, StorageError};

/// The largest document that is read.
const MAX_DATA: u64 = 64 * 1024 * 1024;

/// The file name of a document: its key where that is plain, else `=` and base64 (as containers/storage).
pub(crate) fn file_name(key: &str) -> String {
    let plain = |byte: u8| byte == b'.' || byte.is_ascii_digit() || byte.is_ascii_lowercase();
    if key.bytes().all(plain) {
        return key.to_owned();
    }
    format!("={}", base64::engine::general_purpose::STANDARD.encode(key))
}

fn path(directory: &Path, key: &str) -> Result<PathBuf> {
    let name = file_name(key);
    crate::id::check_component("name of a data item", &name)?;
    Ok(directory.join(name))
}

/// The lists a row keeps of its documents.
pub(crate) struct Index<'a> {
    pub(crate) names: &'a mut Vec<String>,
    pub(crate) sizes: &'a mut BTreeMap<String, i64>,
    pub(crate) digests: &'a mut BTreeMap<String, String>,
}

impl Index<'_> {
    /// Writes a document and notes it.
    pub(crate) fn put(&mut self, directory: &Path, key: &str, data: &[u8]) -> Result<()> {
        let path = path(directory, key)?;
        dirs::create_private(directory)?;
        cove_sys::atomic::write(&path, data, 0o600)?;
        if !self.names.iter().any(|name| name == key) {
            self.names.push(key.to_owned());
        }
        self.sizes.insert(key.to_owned(), i64::try_from(data.len()).unwrap_or(i64::MAX));
        self.digests.insert(key.to_owned(), Digest::sha256(data).to_string());
        Ok(())
    }
}

/// Reads a document.
pub(crate) fn get(directory: &Path, id: &str, key: &str) -> Result<Vec<u8>> {
    let path = path(directory, key)?;
    let missing = || StorageError::DataNotFound { id: id.to_owned(), key: key.to_owned() };
    let length = path.metadata().map_err(|_| missing())?.len();
    if length > MAX_DATA {
        return Err(StorageError::Unsupported(format!("a data item of {length} bytes ({})", path.display())));
    }
    dirs::read_optional(&path)?.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_those_of_containers_storage() {
        assert_eq!(file_name("manifest"), "manifest");
        assert_eq!(file_name("sha256:ab"), "=c2hhMjU2OmFi");
        assert!(path(Path::new("/x"), "").is_err());
        assert!(path(Path::new("/x"), "..").is_err());
    }
}
