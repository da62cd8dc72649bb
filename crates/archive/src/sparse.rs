//! The maps of sparse files: GNU's old headers and the three PAX formats.

use crate::error::Result;
use crate::header::{self, BadHeader, Extent, Header, Kind, MAX_EXTENSION, PaxRecords, Role};
use crate::reader::{BLOCK, Input, Reader};

/// Where the data of a sparse file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sparse {
    /// The file's size with its holes.
    pub real_size: u64,
    /// Offset and length of each piece of data, in ascending order, none over another and all within the file.
    pub extents: Vec<Extent>,
}

impl<I: Input> Reader<I> {
    /// The map of a sparse file, `None` for an ordinary one; and how many bytes of the entry's data it took.
    pub(crate) fn sparse_map(
        &mut self,
        header: &mut Header,
        block: &[u8; BLOCK],
        pax: &PaxRecords,
    ) -> Result<(Option<Sparse>, u64)> {
        let (real_size, major) = pax_sizes(pax).map_err(|error| self.at(error))?;
        let mut map_bytes = 0;
        let (real_size, extents) = if header.role == Role::GnuSparse {
            let real_size = header::gnu_real_size(block).map_err(|error| self.at(error))?;
            (real_size, self.gnu_map(block)?)
        } else if let (Kind::File, Some(real_size)) = (header.kind, real_size) {
            if let Some(name) = pax.get("GNU.sparse.name") {
                header.name = name.to_vec();
            }
            let extents = if major == Some(1) {
                let (extents, bytes) = self.map_in_data(header.size)?;
                map_bytes = bytes;
                extents
            } else if let Some(map) = pax.get("GNU.sparse.map") {
                header::pax_map(map).map_err(|error| self.at(error))?
            } else {
                pairs(pax).map_err(|error| self.at(error))?
            };
            (real_size, extents)
        } else {
            return Ok((None, 0));
        };
        let (mut end, mut data) = (0, 0);
        for &(offset, length) in &extents {
            let next = offset.checked_add(length).filter(|&next| offset >= end && next <= real_size);
            end = next.ok_or_else(|| self.bad("the map of a sparse file is inconsistent"))?;
            data += length;
        }
        if i64::try_from(real_size).is_err() {
            return Err(self.bad("a sparse file is too large"));
        }
        if data > header.size - map_bytes {
            return Err(self.bad("a sparse file has less data than its map says"));
        }
        Ok((Some(Sparse { real_size, extents }), map_bytes))
    }

    fn gnu_map(&mut self, header: &[u8; BLOCK]) -> Result<Vec<Extent>> {
        let (mut extents, mut more) = header::gnu_extents(header, true).map_err(|error| self.at(error))?;
        let mut block = [0; BLOCK];
        let mut bytes = 0;
        while more {
            bytes += BLOCK as u64;
            if bytes > MAX_EXTENSION {
                return Err(self.bad("the map of a sparse file is too large"));
            }
            if !self.block(&mut block)? {
                return Err(self.bad("the archive ends inside a sparse map"));
            }
            let (next, again) = header::gnu_extents(&block, false).map_err(|error| self.at(error))?;
            extents.extend(next);
            more = again;
        }
        Ok(extents)
    }

    /// PAX sparse format 1.0: the map is in front of the data, as decimal lines in whole blocks.
    fn map_in_data(&mut self, size: u64) -> Result<(Vec<Extent>, u64)> {
        let mut text: Vec<u8> = Vec::new();
        let mut block = [0; BLOCK];
        let mut numbers: Vec<u64> = Vec::new();
        let mut used = 0;
        loop {
            let wanted = numbers.first().map(|&count| count.saturating_mul(2).saturating_add(1));
            if wanted.is_some_and(|wanted| numbers.len() as u64 >= wanted) {
                break;
            }
            if let Some(end) = text.iter().position(|&byte| byte == b'\n') {
                let number = header::decimal(&text[..end]).map_err(|error| self.at(error))?;
                numbers.push(number);
                text.drain(..=end);
                continue;
            }
            used += BLOCK as u64;
            if used > size || used > MAX_EXTENSION || text.len() > 64 {
                return Err(self.bad("the map of a sparse file is damaged"));
            }
            if !self.block(&mut block)? {
                return Err(self.bad("the archive ends inside a sparse map"));
            }
            text.extend_from_slice(&block);
        }
        let extents = numbers[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        Ok((extents, used))
    }
}

/// The real size and the format's version that PAX records give.
fn pax_sizes(pax: &PaxRecords) -> std::result::Result<(Option<u64>, Option<u64>), BadHeader> {
    let number = |key: &str| pax.get(key).map(header::decimal).transpose();
    let real_size = match number("GNU.sparse.realsize")? {
        Some(size) => Some(size),
        None => number("GNU.sparse.size")?,
    };
    Ok((real_size, number("GNU.sparse.major")?))
}

/// PAX sparse format 0.0: repeated pairs of records.
fn pairs(pax: &PaxRecords) -> std::result::Result<Vec<Extent>, BadHeader> {
    let mut extents = Vec::new();
    let mut offset = None;
    for (key, value) in pax.iter() {
        match key {
            "GNU.sparse.offset" => offset = Some(header::decimal(value)?),
            "GNU.sparse.numbytes" => {
                let start = offset.take().ok_or_else(|| BadHeader("a sparse map is damaged".into()))?;
                extents.push((start, header::decimal(value)?));
            }
            _ => {}
        }
    }
    Ok(extents)
}
