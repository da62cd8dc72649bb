//! What was taken, as a digest: whether an earlier build has taken the same.

use cove_archive::{Digest, DigestAlgorithm, Hasher, Kind};

/// A digest in the making of kinds, names, permission bits, attributes and contents; neither of owners nor of times.
pub struct Notes(Hasher);

impl Default for Notes {
    fn default() -> Self {
        Self(Hasher::new(DigestAlgorithm::Sha256))
    }
}

impl Notes {
    /// A thing with its name; `more` is where a link leads, or which device it is. A file's contents follow.
    pub fn member(&mut self, kind: Kind, name: &[u8], mode: u32, size: u64, more: &[u8]) {
        self.text(&[kind as u8]);
        self.text(name);
        self.0.update(&mode.to_le_bytes());
        self.0.update(&size.to_le_bytes());
        self.text(more);
    }

    /// Attributes of what was noted last.
    pub fn attributes(&mut self, all: &[(String, Vec<u8>)]) {
        for (name, value) in all {
            self.text(name.as_bytes());
            self.text(value);
        }
    }

    /// A text with its length.
    pub fn text(&mut self, text: &[u8]) {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    /// The next piece of a file.
    pub fn data(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> Digest {
        self.0.finish()
    }
}
