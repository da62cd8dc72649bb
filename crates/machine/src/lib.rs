//! Machines: store, image, first boot, ssh, forwards and the VM providers.
