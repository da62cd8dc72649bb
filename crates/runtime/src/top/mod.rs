//! The processes of a container, read from the host's `/proc`; nothing of the container is executed (CVE-2022-1227).

mod columns;
mod names;
mod process;
mod table;

pub use columns::Column;
pub use table::ProcessTable;

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::launch::Runtime;

use columns::Context;
use process::Process;

/// A table of processes as `top` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopTable {
    /// Headings.
    pub titles: Vec<String>,
    /// Rows, by pid.
    pub processes: Vec<Vec<String>>,
}

impl Runtime {
    /// The processes of a running container with the columns of podman-top(1); none takes the usual ones.
    ///
    /// # Errors
    /// [`Error::NotRunning`]; an unknown column.
    pub fn top(&self, id: &str, columns: &[String]) -> Result<TopTable> {
        let init = self.state(id)?.process().ok_or_else(|| Error::NotRunning { id: id.to_owned() })?;
        let columns = columns::parse(columns)?;
        let processes = container_processes(init.pid)?;
        let context = Context::new(init.pid, &processes);
        let rows = processes.iter().map(|p| columns.iter().map(|c| c.value(p, &context)).collect());
        Ok(TopTable {
            titles: columns.iter().map(|c| c.title().to_owned()).collect(),
            processes: rows.collect(),
        })
    }

    /// The pids (as the engine sees them) of a running container's processes.
    ///
    /// # Errors
    /// [`Error::NotRunning`].
    pub fn pids(&self, id: &str) -> Result<Vec<i32>> {
        let init = self.state(id)?.process().ok_or_else(|| Error::NotRunning { id: id.to_owned() })?;
        Ok(container_processes(init.pid)?.iter().map(|p| p.pid).collect())
    }
}

/// All processes of the pid namespace of `init`, or its descendants where it shares the engine's.
fn container_processes(init: i32) -> Result<Vec<Process>> {
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let wanted = namespace(&init.to_string());
    let shared = wanted.is_none() || wanted == namespace("self");
    let all: Vec<Process> = process::pids()?
        .into_iter()
        .filter(|pid| shared || namespace(&pid.to_string()) == wanted)
        .filter_map(process::read)
        .collect();
    let mut found = if shared { descendants(all, init) } else { all };
    found.sort_by_key(|p| p.container_pid);
    Ok(found)
}

fn descendants(all: Vec<Process>, init: i32) -> Vec<Process> {
    let parents: HashMap<i32, i32> = all.iter().map(|p| (p.pid, p.ppid)).collect();
    let belongs = |pid: i32| {
        let mut current = pid;
        // A bound, because the table is not one moment's picture and could hold a circle.
        for _ in 0..parents.len() {
            if current == init {
                return true;
            }
            match parents.get(&current) {
                Some(parent) => current = *parent,
                None => return false,
            }
        }
        false
    };
    all.into_iter().filter(|p| belongs(p.pid)).collect()
}
