//! The outer form of OpenPGP keys (RFC 4880): armour and packets. What they mean is left to gpg.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";
/// Tag of the packet with a key itself.
const PUBLIC_KEY: u8 = 6;
/// Tag of the packet with whose key it is.
const USER_ID: u8 = 13;

/// The packets of a file with public keys, whether they are in armour or not.
///
/// # Errors
/// It holds no public key; a text.
pub(super) fn packets(data: &[u8]) -> Result<Vec<u8>, String> {
    let plain = match std::str::from_utf8(data) {
        Ok(text) if text.contains(BEGIN) => without_armour(text)?,
        _ => data.to_vec(),
    };
    match Packets(&plain).next() {
        Some((PUBLIC_KEY, _)) => Ok(plain),
        _ => Err("it holds no OpenPGP public key".to_owned()),
    }
}

fn without_armour(text: &str) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let (block, _) = block.split_once(END).ok_or("a block of an OpenPGP key has no end")?;
        // Headers stand before the first empty line, a checksum after `=` behind the data.
        let mut lines = block.lines().map(str::trim).skip(1);
        let data: String = lines
            .by_ref()
            .skip_while(|line| !line.is_empty())
            .skip(1)
            .filter(|line| !line.starts_with('='))
            .collect();
        all.extend(STANDARD.decode(data).map_err(|_| "a block of an OpenPGP key is not base64")?);
    }
    Ok(all)
}

/// Whose keys these are, as `ADDRESS` where there is one, else the whole name.
pub(super) fn user_ids(packets: &[u8]) -> Vec<String> {
    Packets(packets)
        .filter(|(tag, _)| *tag == USER_ID)
        .map(|(_, body)| {
            let whole = String::from_utf8_lossy(body).into_owned();
            let address = whole.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
            address.map(|(address, _)| address.to_owned()).unwrap_or(whole)
        })
        .collect()
}

/// Tag and body of each packet; ends at what is none.
struct Packets<'a>(&'a [u8]);

impl<'a> Iterator for Packets<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, rest) = self.0.split_first()?;
        if tag & 0x80 == 0 {
            return None;
        }
        let (tag, length, rest) = if tag & 0x40 != 0 {
            let (length, rest) = new_length(rest)?;
            (tag & 0x3f, length, rest)
        } else {
            let size = 1 << (tag & 3);
            // A length that is not known stands in no key.
            if size == 8 || rest.len() < size {
                return None;
            }
            let length = rest[..size].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            ((tag >> 2) & 0xf, length, &rest[size..])
        };
        if rest.len() < length {
            return None;
        }
        self.0 = &rest[length..];
        Some((tag, &rest[..length]))
    }
}

fn new_length(data: &[u8]) -> Option<(usize, &[u8])> {
    match *data {
        [first @ 0..192, ref rest @ ..] => Some((usize::from(first), rest)),
        [first @ 192..224, second, ref rest @ ..] => {
            Some(((usize::from(first) - 192) * 256 + usize::from(second) + 192, rest))
        }
        [255, a, b, c, d, ref rest @ ..] => {
            Some((usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?, rest))
        }
        // Parts are for data, not for keys.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of no algorithm and a user.
    fn key() -> Vec<u8> {
        let user = b"Ann <ann@example.org>";
        [&[0x99, 0, 3, 4, 1, 2], &[0xcd, u8::try_from(user.len()).unwrap()][..], user].concat()
    }

    #[test]
    fn keys_in_armour_and_without() {
        let armoured = format!(
            "words\n{BEGIN}\nVersion: 1\n\n{}\n=abcd\n{END}\n{BEGIN}\n\n{}\n{END}\n",
            STANDARD.encode(key()),
            STANDARD.encode(key())
        );
        assert_eq!(packets(armoured.as_bytes()).unwrap(), [key(), key()].concat());
        assert_eq!(packets(&key()).unwrap(), key());
        assert_eq!(user_ids(&[key(), key()].concat()), ["ann@example.org", "ann@example.org"]);
        assert_eq!(user_ids(&[0xb4, 3, b'a', b'b', b'c']), ["abc"]);
    }

    #[test]
    fn what_is_no_key() {
        for data in [
            b"".to_vec(),
            b"words".to_vec(),
            vec![0x99, 0xff, 0xff, 1],
            vec![0xff; 9],
            format!("{BEGIN}\n\n????\n{END}").into_bytes(),
            format!("{BEGIN}\n\nAAAA").into_bytes(),
            [&[0xb4, 1, b'a'][..], &key()].concat(),
        ] {
            assert!(packets(&data).is_err(), "{data:?}");
        }
    }
}
