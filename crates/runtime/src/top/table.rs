//! Which processes belong together: read once for any number of containers.

use std::collections::HashMap;

use super::process;
use crate::error::Result;

/// The machine's processes by their pid namespaces, as they were at the first question.
#[derive(Debug, Default)]
pub struct ProcessTable {
    read: Option<Processes>,
}

#[derive(Debug)]
struct Processes {
    own: Option<u64>,
    /// Pids by the inode of their namespace.
    by_namespace: HashMap<u64, Vec<i32>>,
    /// Children by parent, of the engine's own namespace alone; read when they are needed.
    children: Option<HashMap<i32, Vec<i32>>>,
}

impl ProcessTable {
    /// The pids of a container whose first process is `init`: all of its pid namespace, or its descendants where it
    /// shares the engine's.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub(crate) fn of(&mut self, init: i32) -> Result<Vec<i32>> {
        let processes = match &mut self.read {
            Some(processes) => processes,
            empty => empty.insert(Processes::read()?),
        };
        Ok(match namespace(&init.to_string()) {
            Some(inode) if Some(inode) != processes.own => {
                processes.by_namespace.get(&inode).cloned().unwrap_or_else(|| vec![init])
            }
            _ => processes.descendants(init),
        })
    }
}

impl Processes {
    fn read() -> Result<Self> {
        let mut by_namespace: HashMap<u64, Vec<i32>> = HashMap::new();
        for pid in process::pids()? {
            if let Some(inode) = namespace(&pid.to_string()) {
                by_namespace.entry(inode).or_default().push(pid);
            }
        }
        Ok(Self { own: namespace("self"), by_namespace, children: None })
    }

    fn descendants(&mut self, init: i32) -> Vec<i32> {
        let own = self.own.and_then(|own| self.by_namespace.get(&own)).map_or(&[][..], Vec::as_slice);
        let children = self.children.get_or_insert_with(|| {
            let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
            for pid in own {
                if let Some(parent) = parent(*pid) {
                    children.entry(parent).or_default().push(*pid);
                }
            }
            children
        });
        let mut found = vec![init];
        let mut next = 0;
        while let Some(pid) = found.get(next).copied() {
            // Each has one parent, so none comes twice; the table is not one moment's picture, so look anyway.
            for child in children.get(&pid).into_iter().flatten() {
                if !found.contains(child) {
                    found.push(*child);
                }
            }
            next += 1;
        }
        found
    }
}

/// The inode of a process's pid namespace.
fn namespace(pid: &str) -> Option<u64> {
    rustix::fs::stat(format!("/proc/{pid}/ns/pid")).ok().map(|stat| stat.st_ino)
}

fn parent(pid: i32) -> Option<i32> {
    let stat = cove_sys::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let found = ProcessTable::default().of(i32::try_from(std::process::id()).unwrap());
        let _ = child.kill();
        let _ = child.wait();
        assert!(found.unwrap().contains(&i32::try_from(child.id()).unwrap()));
    }
}
