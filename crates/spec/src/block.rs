//! Limits of block devices: `--blkio-weight`, `--blkio-weight-device`, `--device-read-bps` and their kin.

use cove_api::{ThrottleDevice, ThrottleDevices, WeightDevice, WeightDevices};

use crate::error::{Result, bail};
use crate::size;

/// The weight of one container against others, 10 to 1000; `None` for 0, which asks for nothing.
///
/// # Errors
/// It is no number, or out of range.
pub fn weight(text: &str) -> Result<Option<u16>> {
    match text.parse::<u16>() {
        Ok(0) => Ok(None),
        Ok(weight @ 10..=1000) => Ok(Some(weight)),
        _ => bail!("invalid value for blkio-weight: {text:?} is not a number from 10 to 1000"),
    }
}

/// Parses all `--blkio-weight-device`: `DEVICE:WEIGHT`.
///
/// # Errors
/// The device is not below `/dev`, or the weight is wrong.
pub fn weights<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<WeightDevices> {
    let mut all = WeightDevices::new();
    for text in texts {
        let (device, value) = device(text)?;
        let Ok(weight @ (0 | 10..=1000)) = value.parse::<u16>() else {
            bail!("invalid weight for device: {text}");
        };
        all.insert(device.to_owned(), WeightDevice { weight: Some(weight), ..WeightDevice::default() });
    }
    Ok(all)
}

/// Parses all `--device-read-bps` or `--device-write-bps`: `DEVICE:BYTES`, with a unit perhaps.
///
/// # Errors
/// The device is not below `/dev`, or the rate is wrong.
pub fn bytes<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<ThrottleDevices> {
    rates(
        texts,
        "<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb",
        |value| size::signed_bytes(value).ok().and_then(|rate| u64::try_from(rate).ok()),
    )
}

/// Parses all `--device-read-iops` or `--device-write-iops`: `DEVICE:OPERATIONS`.
///
/// # Errors
/// As [`bytes`].
pub fn operations<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<ThrottleDevices> {
    rates(texts, "<number>. Number must be a positive integer", |value| value.parse().ok())
}

fn rates<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    form: &str,
    parse: impl Fn(&str) -> Option<u64>,
) -> Result<ThrottleDevices> {
    let mut all = ThrottleDevices::new();
    for text in texts {
        let (device, value) = device(text)?;
        let Some(rate) = parse(value) else {
            bail!("invalid rate for device: {text}. The correct format is <device-path>:{form}");
        };
        all.insert(device.to_owned(), ThrottleDevice { rate, ..ThrottleDevice::default() });
    }
    Ok(all)
}

fn device(text: &str) -> Result<(&str, &str)> {
    let Some((device, value)) = text.split_once(':') else { bail!("bad format: {text}") };
    if !device.starts_with("/dev/") || device.split('/').any(|part| part == "..") || device.contains('\0') {
        bail!("bad format for device path: {text}");
    }
    Ok((device, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right() {
        assert_eq!((weight("0").unwrap(), weight("500").unwrap()), (None, Some(500)));
        assert_eq!(weights(["/dev/sda:123"]).unwrap()["/dev/sda"].weight, Some(123));
        assert_eq!(bytes(["/dev/sda:1mb", "/dev/sdb:7"]).unwrap()["/dev/sda"].rate, 1 << 20);
        assert_eq!(operations(["/dev/sda:1000"]).unwrap()["/dev/sda"].rate, 1000);
    }

    #[test]
    fn wrong() {
        let check = |error: crate::Error, expected: &str| {
            assert!(error.to_string().contains(expected), "{error}");
        };
        for text in ["9", "1001", "x", "-1"] {
            check(weight(text).unwrap_err(), "10 to 1000");
        }
        for (text, expected) in [
            ("/dev/sda", "bad format"),
            ("sda:100", "bad format for device path"),
            ("/dev/../etc/x:100", "bad format for device path"),
            ("/dev/sda:5", "invalid weight"),
        ] {
            check(weights([text]).unwrap_err(), expected);
        }
        check(bytes(["/dev/sda:lots"]).unwrap_err(), "Unit is optional");
        check(bytes(["/dev/sda:-1"]).unwrap_err(), "Unit is optional");
        check(operations(["/dev/sda:1mb"]).unwrap_err(), "Number must be a positive integer");
    }
}
