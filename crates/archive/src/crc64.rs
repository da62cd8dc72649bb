//! CRC-64 with the ISO 3309 polynomial, the checksum tar-split keeps for each file.
//!
//! Sixteen tables are looked up at a time, which keeps it well above the speed of a decompressor.

const POLYNOMIAL: u64 = 0xD800_0000_0000_0000;
const LANES: usize = 16;

static TABLES: [[u64; 256]; LANES] = tables();

const fn tables() -> [[u64; 256]; LANES] {
    let mut tables = [[0; 256]; LANES];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u64;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        tables[0][index] = value;
        index += 1;
    }
    let mut lane = 1;
    while lane < LANES {
        let mut index = 0;
        while index < 256 {
            let previous = tables[lane - 1][index];
            tables[lane][index] = tables[0][(previous & 0xff) as usize] ^ (previous >> 8);
            index += 1;
        }
        lane += 1;
    }
    tables
}

/// A running checksum.
#[derive(Debug, Clone, Copy)]
pub struct Crc64(u64);

impl Default for Crc64 {
    fn default() -> Self {
        Self::new()
    }
}

impl Crc64 {
    /// Of nothing.
    pub fn new() -> Self {
        Self(!0)
    }

    /// Adds `data`.
    pub fn update(&mut self, data: &[u8]) {
        let mut crc = self.0;
        let mut chunks = data.chunks_exact(LANES);
        for chunk in &mut chunks {
            let mut low = [0; 8];
            low.copy_from_slice(&chunk[..8]);
            let low = (u64::from_le_bytes(low) ^ crc).to_le_bytes();
            crc = 0;
            for lane in 0..8 {
                crc ^= TABLES[15 - lane][usize::from(low[lane])];
                crc ^= TABLES[7 - lane][usize::from(chunk[8 + lane])];
            }
        }
        for byte in chunks.remainder() {
            crc = TABLES[0][usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8);
        }
        self.0 = crc;
    }

    /// The checksum as tar-split stores it: eight bytes, the most significant first.
    pub fn finish(self) -> [u8; 8] {
        (!self.0).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_go() {
        // hash/crc64's own test vectors for the ISO table.
        for (want, text) in [(0u64, ""), (0x3420_0000_0000_0000, "a"), (0xb909_56c7_75a4_1001, "123456789")] {
            let mut crc = Crc64::new();
            crc.update(text.as_bytes());
            assert_eq!(u64::from_be_bytes(crc.finish()), want, "{text:?}");
        }
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let data: Vec<u8> =
            (0..1000u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
        let mut whole = Crc64::new();
        whole.update(&data);
        let mut bytes = Crc64::new();
        data.chunks(7).for_each(|chunk| bytes.update(chunk));
        assert_eq!(whole.finish(), bytes.finish());
    }
}
