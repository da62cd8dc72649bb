//! Who this process is.

/// Effective user id of this process (0 for root and inside a rootless user namespace); 0 on Windows.
pub fn effective_uid() -> u32 {
    #[cfg(unix)]
    {
        rustix::process::geteuid().as_raw()
    }
    #[cfg(not(unix))]
    {
        0
    }
}
