//! What CRIU writes of its measurements: two magic numbers, a length, and a message of Protocol Buffers.

use std::path::Path;

use cove_api::{CriuStatistics, Error, Result};

/// Largest file of statistics, in bytes; real ones have less than a hundred.
const LONGEST: u64 = 64 << 10;

/// The numbers at the start of CRIU's service images, and of its statistics.
const MAGIC: [u32; 2] = [0x5510_5940, 0x5709_3306];

/// Reads the file `stats-dump` or `stats-restore`.
pub(super) fn read(path: &Path) -> Result<CriuStatistics> {
    let bytes = cove_sys::read::bounded(path, LONGEST)?
        .ok_or_else(|| Error::internal(format!("{}: CRIU has written no statistics", path.display())))?;
    parse(&bytes)
        .ok_or_else(|| Error::internal(format!("{}: statistics that are not CRIU's", path.display())))
}

fn parse(bytes: &[u8]) -> Option<CriuStatistics> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if [number(0)?, number(4)?] != MAGIC {
        return None;
    }
    let length = usize::try_from(number(8)?).ok()?;
    let message = bytes.get(12..12_usize.checked_add(length)?)?;
    let mut statistics = CriuStatistics::default();
    for field in Fields(message) {
        let (number, value) = field?;
        let Value::Bytes(part) = value else { continue };
        for field in Fields(part) {
            let (field, value) = field?;
            let Value::Number(value) = value else { continue };
            let target = match (number, field) {
                (1, 1) => &mut statistics.freezing_time,
                (1, 2) => &mut statistics.frozen_time,
                (1, 3) => &mut statistics.memdump_time,
                (1, 4) => &mut statistics.memwrite_time,
                (1, 5) => &mut statistics.pages_scanned,
                (1, 7) => &mut statistics.pages_written,
                (2, 1) => &mut statistics.pages_compared,
                (2, 2) => &mut statistics.pages_skipped_cow,
                (2, 3) => &mut statistics.forking_time,
                (2, 4) => &mut statistics.restore_time,
                (2, 5) => &mut statistics.pages_restored,
                _ => continue,
            };
            *target = value;
        }
    }
    Some(statistics)
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a kind that is not used here.
    Other,
}

/// The fields of a message, each with its number; [`None`] where it is damaged.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Other)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(message: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [MAGIC[0], MAGIC[1], u32::try_from(message.len()).unwrap()] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(message);
        bytes
    }

    #[test]
    fn fields_are_found() {
        // dump { freezing_time: 300, pages_written: 5, an unknown field of four bytes }
        let dump = [0x08, 0xac, 0x02, 0x38, 0x05, 0x7d, 0, 0, 0, 0];
        let mut message = vec![0x0a, u8::try_from(dump.len()).unwrap()];
        message.extend(dump);
        let statistics = parse(&file(&message)).unwrap();
        assert_eq!((statistics.freezing_time, statistics.pages_written), (300, 5));
        let restore = parse(&file(&[0x12, 2, 0x28, 9])).unwrap();
        assert_eq!(restore, CriuStatistics { pages_restored: 9, ..CriuStatistics::default() });
    }

    #[test]
    fn damaged_ones_are_refused() {
        for bytes in [
            Vec::new(),
            vec![0; 40],
            file(&[0x0a, 200, 1]),
            file(&[0x0a]),
            file(&[0x0b, 1]),
            file(&[0xff; 20]),
            file(&[0x0a, 1, 0x08]),
        ] {
            assert_eq!(parse(&bytes), None, "{bytes:?}");
        }
        // A length that reaches beyond the file.
        let mut long = file(&[]);
        long[8..12].fill(0xff);
        assert_eq!(parse(&long), None);
    }
}
