//! Names and ids: random ones, and which ones users may give.

use cove_api::Error;

const ADJECTIVES: &[&str] = &[
    "able", "agile", "amber", "ample", "azure", "bold", "brave", "breezy", "bright", "brisk", "calm",
    "candid", "careful", "cheerful", "clever", "cosmic", "cozy", "crisp", "curious", "daring", "deft",
    "eager", "early", "earnest", "easy", "elegant", "fair", "famous", "fearless", "fine", "fluent", "fond",
    "frank", "fresh", "gentle", "glad", "golden", "graceful", "grand", "happy", "hardy", "hearty", "honest",
    "hopeful", "humble", "ideal", "jolly", "jovial", "joyful", "keen", "kind", "lively", "loyal", "lucid",
    "lucky", "mellow", "merry", "mighty", "modest", "neat", "nimble", "noble", "novel", "patient",
    "peaceful", "plucky", "polite", "prime", "proud", "quick", "quiet", "rapid", "ready", "robust", "serene",
    "sharp", "silent", "sincere", "smart", "smooth", "snug", "solid", "sound", "spry", "stable", "steady",
    "stellar", "subtle", "sunny", "swift", "tender", "tidy", "trusty", "upbeat", "valiant", "vivid", "warm",
    "wise", "witty", "zesty",
];

const SURNAMES: &[&str] = &[
    "abel",
    "agnesi",
    "ampere",
    "archimedes",
    "avogadro",
    "babbage",
    "banach",
    "bardeen",
    "bell",
    "bernoulli",
    "bohr",
    "boltzmann",
    "boole",
    "born",
    "brahe",
    "cantor",
    "carnot",
    "carson",
    "cauchy",
    "cavendish",
    "cerf",
    "chandrasekhar",
    "chebyshev",
    "clarke",
    "copernicus",
    "coulomb",
    "crick",
    "curie",
    "dalton",
    "darwin",
    "davy",
    "dijkstra",
    "dirac",
    "edison",
    "einstein",
    "engelbart",
    "euclid",
    "euler",
    "faraday",
    "fermat",
    "fermi",
    "feynman",
    "fibonacci",
    "fleming",
    "fourier",
    "franklin",
    "galileo",
    "galois",
    "gauss",
    "germain",
    "gibbs",
    "goedel",
    "goodall",
    "hamilton",
    "hamming",
    "hardy",
    "heisenberg",
    "herschel",
    "hertz",
    "hilbert",
    "hodgkin",
    "hooke",
    "hopper",
    "hubble",
    "huygens",
    "hypatia",
    "jacobi",
    "jenner",
    "johnson",
    "joule",
    "kalman",
    "keller",
    "kelvin",
    "kepler",
    "khorana",
    "knuth",
    "kolmogorov",
    "kovalevskaya",
    "lagrange",
    "lamarr",
    "landau",
    "laplace",
    "lavoisier",
    "leavitt",
    "leibniz",
    "linnaeus",
    "lovelace",
    "maxwell",
    "mcclintock",
    "meitner",
    "mendel",
    "mendeleev",
    "milner",
    "minsky",
    "mirzakhani",
    "morse",
    "napier",
    "nash",
    "neumann",
    "newton",
    "nobel",
    "noether",
    "ohm",
    "oppenheimer",
    "pascal",
    "pasteur",
    "pauli",
    "perlman",
    "planck",
    "poincare",
    "ptolemy",
    "raman",
    "ramanujan",
    "ride",
    "riemann",
    "ritchie",
    "rutherford",
    "sagan",
    "salk",
    "schroedinger",
    "shannon",
    "snell",
    "stokes",
    "sutherland",
    "tesla",
    "thompson",
    "torvalds",
    "turing",
    "vaughan",
    "volta",
    "watt",
    "wiles",
    "wilson",
    "wright",
    "wu",
    "yalow",
    "yonath",
    "zuse",
];

/// 32 random bytes as 64 hexadecimal digits: the id of a container, exec session or anonymous volume.
pub(crate) fn random_id() -> Result<String, Error> {
    let mut bytes = [0_u8; 32];
    fill(&mut bytes)?;
    let mut id = String::with_capacity(64);
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            id.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    Ok(id)
}

/// An adjective and the surname of somebody who found something out.
pub(crate) fn random_name() -> Result<String, Error> {
    let mut bytes = [0_u8; 8];
    fill(&mut bytes)?;
    let number = u64::from_le_bytes(bytes);
    let pick = |list: &'static [&'static str], number: u64| {
        let index = usize::try_from(number % list.len() as u64).unwrap_or(0);
        list[index]
    };
    Ok(format!("{}_{}", pick(ADJECTIVES, number >> 32), pick(SURNAMES, number & 0xffff_ffff)))
}

/// A number below another, which is not 0; 0 where there are no random numbers.
pub(crate) fn random_below(limit: u16) -> u16 {
    let mut bytes = [0_u8; 2];
    fill(&mut bytes).map_or(0, |()| u16::from_le_bytes(bytes) % limit)
}

fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    let mut filled = 0;
    while filled < bytes.len() {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::internal(format!("no random numbers: {error}")))?;
    }
    Ok(())
}

/// The first twelve digits of an id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal_and_names_legal() {
        let id = random_id().unwrap();
        assert_eq!(id.len(), 64);
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        cove_spec::name::check(&random_name().unwrap()).unwrap();
    }
}
