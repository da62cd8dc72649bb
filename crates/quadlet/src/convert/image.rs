//! `.image`

use super::Conversion;
use crate::error::{Error, Result};

pub(super) fn convert(unit: &mut Conversion<'_>) -> Result<()> {
    let name = unit.text("Image").ok_or_else(|| Error::invalid("no Image key specified"))?.to_owned();
    let mut command = unit.command();
    command.extend(["image", "pull"]);
    unit.texts(
        &mut command,
        &[
            ("Arch", "--arch"),
            ("AuthFile", "--authfile"),
            ("CertDir", "--cert-dir"),
            ("Creds", "--creds"),
            ("DecryptionKey", "--decryption-key"),
            ("OS", "--os"),
            ("Policy", "--policy"),
            ("Variant", "--variant"),
            ("Retry", "--retry"),
            ("RetryDelay", "--retry-delay"),
        ],
    );
    unit.switches(&mut command, &[("AllTags", "--all-tags"), ("TLSVerify", "--tls-verify")])?;
    let tag = unit.text("ImageTag").map(str::to_owned);
    unit.make(command, &name);
    if let Some(tag) = tag {
        unit.set_resource(&tag);
    }
    Ok(())
}
