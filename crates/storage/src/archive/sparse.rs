//! The maps of sparse files: GNU's old headers and the three PAX formats.

use super::extract::Extractor;
use super::header::{self, BadHeader, Extent, Header, Kind, MAX_EXTENSION, PaxRecords};
use crate::error::Result;

impl Extractor {
    /// The map of a sparse file; `None` for an ordinary one.
    pub(super) fn sparse_map(
        &mut self,
        header: &mut Header,
        block: &[u8; 512],
        pax: &PaxRecords,
    ) -> Result<Option<Sparse>> {
        let number = |key: &str| pax.get(key).map(header::decimal).transpose();
        let parsed = (|| {
            let real_size = match number("GNU.sparse.realsize")? {
                Some(size) => Some(size),
                None => number("GNU.sparse.size")?,
            };
            Ok((real_size, number("GNU.sparse.major")?))
        })();
        let (real_size, major) = parsed.map_err(|error| self.at(&error))?;
        let mut map_bytes = 0;
        let (real_size, extents) = if header.kind == Kind::GnuSparse {
            let real_size = header::gnu_real_size(block).map_err(|error| self.at(&error))?;
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
                header::pax_map(map).map_err(|error| self.at(&error))?
            } else {
                pairs(pax).map_err(|error| self.at(&error))?
            };
            (real_size, extents)
        } else {
            return Ok(None);
        };
        let mut end = 0;
        for &(offset, length) in &extents {
            let next = offset.checked_add(length).filter(|&next| offset >= end && next <= real_size);
            end = next.ok_or_else(|| self.source.bad("the map of a sparse file is inconsistent"))?;
        }
        if i64::try_from(real_size).is_err() {
            return Err(self.source.bad("a sparse file is too large"));
        }
        Ok(Some(Sparse { real_size, extents, map_bytes }))
    }

    fn gnu_map(&mut self, header: &[u8; 512]) -> Result<Vec<Extent>> {
        let (mut extents, mut more) = header::gnu_extents(header, true).map_err(|error| self.at(&error))?;
        let mut block = [0; 512];
        while more {
            if extents.len() as u64 * 24 > MAX_EXTENSION {
                return Err(self.source.bad("the map of a sparse file is too large"));
            }
            if !self.next_block(&mut block)? {
                return Err(self.source.bad("the archive ends inside a sparse map"));
            }
            let (next, again) = header::gnu_extents(&block, false).map_err(|error| self.at(&error))?;
            extents.extend(next);
            more = again;
        }
        Ok(extents)
    }

    /// PAX sparse format 1.0: the map is in front of the data, as decimal lines in whole blocks.
    fn map_in_data(&mut self, size: u64) -> Result<(Vec<Extent>, u64)> {
        let mut text: Vec<u8> = Vec::new();
        let mut block = [0; 512];
        let mut numbers: Vec<u64> = Vec::new();
        let mut used = 0;
        loop {
            let wanted = numbers.first().map(|&count| count.saturating_mul(2).saturating_add(1));
            if wanted.is_some_and(|wanted| numbers.len() as u64 >= wanted) {
                break;
            }
            if let Some(end) = text.iter().position(|&byte| byte == b'\n') {
                let number = header::decimal(&text[..end]).map_err(|error| self.at(&error))?;
                numbers.push(number);
                text.drain(..=end);
                continue;
            }
            used += 512;
            if used > size || used > MAX_EXTENSION || text.len() > 64 {
                return Err(self.source.bad("the map of a sparse file is damaged"));
            }
            if !self.next_block(&mut block)? {
                return Err(self.source.bad("the archive ends inside a sparse map"));
            }
            text.extend_from_slice(&block);
        }
        let extents = numbers[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        Ok((extents, used))
    }
}

/// Where the data of a sparse file goes.
pub(super) struct Sparse {
    pub(super) real_size: u64,
    pub(super) extents: Vec<Extent>,
    /// Bytes of the archive that the map itself took.
    pub(super) map_bytes: u64,
}

/// PAX sparse format 0.0: repeated pairs of records.
fn pairs(pax: &PaxRecords) -> Result<Vec<Extent>, BadHeader> {
    let mut extents = Vec::new();
    let mut offset = None;
    for (key, value) in &pax.0 {
        match key.as_str() {
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
