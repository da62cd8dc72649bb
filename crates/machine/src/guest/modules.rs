//! Loading kernel modules with their dependencies, without a `modprobe` process for each.

use std::collections::HashMap;
use std::path::PathBuf;

use cove_sys::fs;
use rustix::io::Errno;
use rustix::system::{finit_module, uname};

/// The modules of the running kernel as `modules.dep` lists them.
pub(super) struct Modules {
    folder: PathBuf,
    /// Name → path and the paths it depends on, the deepest last.
    index: HashMap<String, Vec<String>>,
}

impl Modules {
    /// Reads the list; an empty one where the kernel has everything built in.
    pub(super) fn open() -> Self {
        let release = uname().release().to_string_lossy().into_owned();
        let folder = PathBuf::from("/lib/modules").join(release);
        let content = fs::read_to_string(folder.join("modules.dep")).unwrap_or_default();
        Self { folder, index: parse(&content) }
    }

    /// Loads `name`; a module that is missing is taken to be built in.
    pub(super) fn load(&self, name: &str) -> Result<(), String> {
        let Some(chain) = self.index.get(&normal(name)) else { return Ok(()) };
        for path in chain.iter().rev() {
            let file = fs::File::open(self.folder.join(path)).map_err(|error| error.to_string())?;
            match finit_module(&file, c"", 0) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(format!("{path}: {error}")),
            }
        }
        Ok(())
    }
}

fn parse(content: &str) -> HashMap<String, Vec<String>> {
    content
        .lines()
        .filter_map(|line| {
            let (module, needs) = line.split_once(':')?;
            let chain = std::iter::once(module).chain(needs.split_whitespace()).map(str::to_owned).collect();
            Some((name_of(module)?, chain))
        })
        .collect()
}

fn name_of(path: &str) -> Option<String> {
    Some(normal(path.rsplit('/').next()?.split(".ko").next()?))
}

/// The kernel takes `-` and `_` in module names for the same.
fn normal(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_module_under_either_spelling() {
        let index =
            parse("kernel/d/virtio-rng.ko.xz: kernel/d/virtio_ring.ko kernel/d/virtio.ko\nkernel/a.ko:\n");
        assert_eq!(
            index[&normal("virtio_rng")],
            ["kernel/d/virtio-rng.ko.xz", "kernel/d/virtio_ring.ko", "kernel/d/virtio.ko"]
        );
        assert_eq!(index["a"], ["kernel/a.ko"]);
    }
}
