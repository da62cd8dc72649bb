//! What a file is: its digest, its size, and its media type by its name or its beginning.

use std::io::Read as _;
use std::path::Path;

use cove_api::{Error, Result};
use cove_registry::{Digest, DigestAlgorithm, Hasher};

/// How much of a file its type is guessed by.
const BEGINNING: usize = 512;

/// What was found out about a file.
pub(crate) struct Looked {
    pub(crate) digest: Digest,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) media_type: String,
}

/// Reads a file to its end.
pub(crate) fn look(path: &Path) -> Result<Looked> {
    let mut file = cove_sys::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Error::invalid(format!("{} is no regular file", path.display())));
    }
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let (mut size, mut beginning) = (0u64, Vec::new());
    let mut piece = vec![0; 256 << 10];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        if beginning.len() < BEGINNING {
            let wanted = (BEGINNING - beginning.len()).min(count);
            beginning.extend_from_slice(&piece[..wanted]);
        }
        hasher.update(&piece[..count]);
        size += count as u64;
    }
    let media_type = guess(path, &beginning);
    Ok(Looked { digest: hasher.finish(), size, media_type: media_type.to_owned() })
}

/// The media type of a file of that name with that beginning.
pub(crate) fn guess(name: &Path, beginning: &[u8]) -> &'static str {
    let extension = name.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    extension.and_then(|extension| by_extension(&extension)).unwrap_or_else(|| detect(beginning))
}

/// The types that systems agree on.
fn by_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "avif" => "image/avif",
        "css" => "text/css",
        "csv" => "text/csv",
        "gif" => "image/gif",
        "gz" | "tgz" => "application/gzip",
        "htm" | "html" => "text/html",
        "jpeg" | "jpg" => "image/jpeg",
        "js" | "mjs" => "text/javascript",
        "json" => "application/json",
        "md" => "text/markdown",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "tar" => "application/x-tar",
        "txt" => "text/plain",
        "wasm" => "application/wasm",
        "webp" => "image/webp",
        "xml" => "text/xml",
        "yaml" | "yml" => "application/yaml",
        "zip" => "application/zip",
        "zst" => "application/zstd",
        _ => return None,
    })
}

/// By how the file begins.
fn detect(beginning: &[u8]) -> &'static str {
    const SIGNS: &[(&[u8], &str)] = &[
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"\x1f\x8b\x08", "application/x-gzip"),
        (b"PK\x03\x04", "application/zip"),
        (b"\0asm", "application/wasm"),
        (b"<?xml", "text/xml"),
    ];
    if let Some((_, kind)) = SIGNS.iter().find(|(sign, _)| beginning.starts_with(sign)) {
        return kind;
    }
    let binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if beginning.iter().any(binary) { "application/octet-stream" } else { "text/plain" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_by_name_and_by_beginning() {
        assert_eq!(by_extension("json"), Some("application/json"));
        assert_eq!(by_extension("unheard-of"), None);
        assert_eq!(detect(b"plain words\n"), "text/plain");
        assert_eq!(detect(b""), "text/plain");
        assert_eq!(detect(&[0; 512]), "application/octet-stream");
        assert_eq!(detect(b"\x1f\x8b\x08\0"), "application/x-gzip");
    }
}
