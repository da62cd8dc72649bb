//! Removing a whole store.

use cove_sys::fs;

use crate::dirs::remove_all;
use crate::driver::DriverKind;
use crate::error::Result;
use crate::store::Store;

impl Store {
    /// Removes every file of the store, whatever state it is in: its mounts, layers, images and containers, also those of
    /// other tools. What else is in the two roots stays.
    ///
    /// # Errors
    /// Something cannot be removed.
    pub fn destroy(&self) -> Result<()> {
        let held = self.lock_driver()?;
        for driver in [DriverKind::Overlay, DriverKind::Vfs] {
            for kind in ["layers", "images", "containers", "locks"] {
                for root in [&self.graph_root, &self.run_root] {
                    remove_all(&root.join(format!("{}-{kind}", driver.name())))?;
                }
            }
            for root in [&self.graph_root, &self.run_root] {
                remove_all(&root.join(driver.name()))?;
            }
        }
        drop(held);
        remove_all(&self.graph_root.join("storage.lock"))?;
        for root in [&self.graph_root, &self.run_root] {
            // Other files keep it.
            let _ = fs::remove_dir(root);
        }
        Ok(())
    }
}
