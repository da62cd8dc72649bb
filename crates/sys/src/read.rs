//! Reading whole files with a limit, so that a wrong or hostile file cannot fill the memory.

use std::io::{self, Read};
use std::path::Path;

use crate::fs;

/// Reads all of `path`, which may have at most `limit` bytes; `None` where nothing is there.
///
/// # Errors
/// A directory (`IsADirectory`), more than `limit` bytes (`FileTooLarge`), or any other failure; the text
/// names the path.
pub fn bounded(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        let text = format!("{} is a directory, not a file", path.display());
        return Err(io::Error::new(io::ErrorKind::IsADirectory, text));
    }
    let mut data = Vec::with_capacity(metadata.len().min(limit) as usize);
    file.take(limit + 1).read_to_end(&mut data)?;
    if data.len() as u64 > limit {
        let text = format!("{} is larger than {limit} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(Some(data))
}

/// As [`bounded`], for text.
///
/// # Errors
/// As [`bounded`], and `InvalidData` where the bytes are not UTF-8.
pub fn bounded_text(path: &Path, limit: u64) -> io::Result<Option<String>> {
    let Some(data) = bounded(path, limit)? else { return Ok(None) };
    String::from_utf8(data).map(Some).map_err(|error| {
        let text =
            format!("{} is not UTF-8 text (byte {})", path.display(), error.utf8_error().valid_up_to());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_names() {
        let folder = std::env::temp_dir().join(format!("cove-read-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(bounded_text(&path, 5).unwrap().as_deref(), Some("12345"));
        assert!(bounded(&path, 4).unwrap_err().to_string().contains("file is larger"));
        assert!(bounded(&folder, 4).unwrap_err().to_string().contains("directory"));
        assert_eq!(bounded(&folder.join("none"), 4).unwrap(), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
