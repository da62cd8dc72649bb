//! Bills of materials of images: what a scanner finds in them.

/// How a bill of materials (SBOM) of an image is made, and what becomes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SbomOptions {
    /// The image with the scanner.
    pub scanner: String,
    /// Commands of the scanner, one after another. `{ROOTFS}` is the folder with the image's files, `{CONTEXT}` that of a
    /// build context, `{OUTPUT}` the file that the command writes.
    pub commands: Vec<String>,
    /// How what several commands have written becomes one.
    pub merge: SbomMerge,
    /// Path in the image that it is kept at; empty is none.
    pub image_output: String,
    /// Path in the image that the list of package URLs in it is kept at; empty is none.
    pub image_purl_output: String,
}

/// How several bills become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SbomMerge {
    /// One after another.
    #[default]
    Cat,
    /// Components of CycloneDX, each name with its version once.
    CycloneDx,
    /// Packages of SPDX, each name with its version once.
    Spdx,
}

/// A bill of materials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sbom {
    /// What the scanner has written, as one.
    pub document: Vec<u8>,
    /// JSON with the package URLs in it.
    pub purls: Vec<u8>,
}
