//! `.artifact`

use super::Conversion;
use crate::error::{Error, Result};

pub(super) fn convert(unit: &mut Conversion<'_>) -> Result<()> {
    let name = unit.text("Artifact").ok_or_else(|| Error::invalid("no Artifact key specified"))?.to_owned();
    let mut command = unit.command();
    command.extend(["artifact", "pull"]);
    unit.texts(
        &mut command,
        &[
            ("AuthFile", "--authfile"),
            ("CertDir", "--cert-dir"),
            ("Creds", "--creds"),
            ("DecryptionKey", "--decryption-key"),
            ("Retry", "--retry"),
            ("RetryDelay", "--retry-delay"),
        ],
    );
    unit.switches(&mut command, &[("Quiet", "--quiet"), ("TLSVerify", "--tls-verify")])?;
    unit.make(command, &name);
    Ok(())
}
