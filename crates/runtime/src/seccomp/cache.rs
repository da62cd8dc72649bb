//! Compiled system call filters, kept from one container to the next.
//!
//! Compiling the default filter takes crun longer than everything else that it does for a container. It leaves the result
//! in its state directory and takes it from an annotation, so each filter is compiled once after a boot: the monitor
//! copies it into this cache, and later containers with the same filter get it from there.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use cove_sys::fs;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::launch::OciRuntime;

/// crun's annotation for a compiled filter, base64.
const ANNOTATION: &str = "run.oci.seccomp_bpf_data";

/// Largest filter the kernel takes: 4096 instructions of 8 bytes.
const MAX_FILTER: u64 = 4096 * 8;

/// Gives the container in `bundle` its filter from the cache in `directory`. Returns where the filter is to be kept when
/// it has to be compiled.
pub(crate) fn prepare(directory: &Path, runtime: &OciRuntime, bundle: &Path) -> Result<Option<PathBuf>> {
    if runtime.name != "crun" {
        return Ok(None);
    }
    let path = bundle.join("config.json");
    let json = |source| Error::Json { path: path.clone(), source };
    let text = fs::read_to_string(&path).map_err(Error::file)?;
    let key = {
        let parts: Parts<'_> = serde_json::from_str(&text).map_err(json)?;
        let Some(seccomp) = parts.linux.and_then(|l| l.seccomp) else { return Ok(None) };
        // A filter that reports to a listener is more than its instructions.
        if seccomp.get().contains("listenerPath")
            || parts.annotations.is_some_and(|a| a.get().contains(ANNOTATION))
        {
            return Ok(None);
        }
        key(runtime, seccomp.get())?
    };
    let cached = directory.join(key);
    let filter = match fs::read(&cached) {
        Ok(filter) if is_sound(&filter) => filter,
        _ => return Ok(Some(cached)),
    };
    let mut spec: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).map_err(json)?;
    let annotations = spec.entry("annotations").or_insert_with(|| serde_json::json!({}));
    annotations[ANNOTATION] = base64::engine::general_purpose::STANDARD.encode(filter).into();
    let text = serde_json::to_vec(&spec).map_err(json)?;
    crate::oci::replace(&path, &text)?;
    Ok(None)
}

#[derive(serde::Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    linux: Option<Linux<'a>>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct Linux<'a> {
    #[serde(borrow)]
    seccomp: Option<&'a RawValue>,
}

/// The filter and the program that compiles it, as a file name.
fn key(runtime: &OciRuntime, seccomp: &str) -> Result<String> {
    use std::os::unix::fs::MetadataExt;
    let program = fs::metadata(&runtime.path).map_err(Error::file)?;
    let mut hash = Sha256::new();
    let identity = (program.dev(), program.ino(), program.len(), program.mtime(), program.mtime_nsec());
    hash.update(format!("{}\0{identity:?}\0", runtime.path.display()));
    hash.update(seccomp);
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn is_sound(filter: &[u8]) -> bool {
    !filter.is_empty() && filter.len() as u64 <= MAX_FILTER && filter.len().is_multiple_of(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_compiled_then_cached() {
        let dir = std::env::temp_dir().join(format!("cove-seccomp-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let program = std::env::current_exe().unwrap();
        let crun = OciRuntime { name: "crun".to_owned(), path: program, flags: Vec::new() };
        let write = |text: &str| fs::write(dir.join("config.json"), text).unwrap();
        write(r#"{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}},"x":1}"#);
        let place = prepare(&dir, &crun, &dir).unwrap().unwrap();
        fs::write(&place, [0_u8; 16]).unwrap();
        assert_eq!(prepare(&dir, &crun, &dir).unwrap(), None);
        let spec: serde_json::Value =
            serde_json::from_slice(&fs::read(dir.join("config.json")).unwrap()).unwrap();
        assert_eq!(spec["annotations"][ANNOTATION], "AAAAAAAAAAAAAAAAAAAAAA==");
        assert_eq!(spec["x"], 1);
        assert_eq!(prepare(&dir, &crun, &dir).unwrap(), None);
        write(r#"{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO"}}}"#);
        assert_ne!(prepare(&dir, &crun, &dir).unwrap().unwrap(), place);
        fs::write(&place, [0_u8; 15]).unwrap();
        write(r#"{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}}"#);
        assert_eq!(prepare(&dir, &crun, &dir).unwrap(), Some(place));
        write(r#"{"linux":{"seccomp":{"listenerPath":"/x"}}}"#);
        assert_eq!(prepare(&dir, &crun, &dir).unwrap(), None);
        write("{}");
        assert_eq!(prepare(&dir, &crun, &dir).unwrap(), None);
        fs::remove_dir_all(&dir).unwrap();
    }
}
