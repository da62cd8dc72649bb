//! What to try next, by kind of error; shown on terminals only.

use cove_api::ErrorKind;

/// A hint for that kind of failure, if there is something useful to say.
pub(crate) fn hint(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Unauthorized => Some("log in to the registry first, see 'cove login --help'"),
        ErrorKind::PermissionDenied => Some("the object may belong to another user or need more rights"),
        ErrorKind::InUse => Some("remove what uses it first, or use --force where the command has it"),
        ErrorKind::Unavailable => Some("check that the service or registry runs and can be reached"),
        ErrorKind::Unsupported => Some("this version of cove cannot do that on this machine"),
        _ => None,
    }
}
