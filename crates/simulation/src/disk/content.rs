//! The bytes of a file, in sectors that its versions share.

use std::sync::Arc;

/// The unit in which a disk writes, in bytes.
pub(crate) const SECTOR: usize = 4096;

/// The bytes of a sector; `None` is zeros.
type Sector = Option<Arc<[u8; SECTOR]>>;

/// The bytes of a file. The rest of the last sector is zeros.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Content {
    size: u64,
    sectors: Vec<Sector>,
}

/// The result of a write or a truncation: the new size, and the changed sectors.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    size: u64,
    sectors: Vec<(usize, Sector)>,
}

/// A file, including changes that are not synced.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileNode {
    /// As processes see it.
    pub(super) content: Content,
    /// As it was last synced.
    durable: Content,
    /// The changes since the last sync.
    pending: Vec<Change>,
}

fn index(offset: u64) -> usize {
    usize::try_from(offset / SECTOR as u64).unwrap_or(usize::MAX)
}

fn sectors_of(size: u64) -> usize {
    index(size.saturating_add(SECTOR as u64 - 1))
}

impl Content {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of bytes that it occupies on the disk.
    pub(crate) fn allocated(&self) -> u64 {
        (self.sectors.len() * SECTOR) as u64
    }

    /// Reads bytes, fewer at the end of the file.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) -> usize {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = bytes.len().min(left);
        let mut done = 0;
        while done < length {
            let at = offset + done as u64;
            let start = usize::try_from(at % SECTOR as u64).unwrap_or_default();
            let piece = (SECTOR - start).min(length - done);
            let to = &mut bytes[done..done + piece];
            match self.sectors.get(index(at)).and_then(Option::as_ref) {
                Some(sector) => to.copy_from_slice(&sector[start..start + piece]),
                None => to.fill(0),
            }
            done += piece;
        }
        length
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.size).unwrap_or_default()];
        self.read(0, &mut bytes);
        bytes
    }

    /// Returns the change that a write of these bytes makes.
    fn write(&self, offset: u64, bytes: &[u8]) -> Change {
        let end = offset + bytes.len() as u64;
        let mut sectors = Vec::new();
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let start = usize::try_from(at % SECTOR as u64).unwrap_or_default();
            let piece = (SECTOR - start).min(bytes.len() - done);
            let mut sector =
                self.sectors.get(index(at)).and_then(Option::as_deref).copied().unwrap_or([0; SECTOR]);
            sector[start..start + piece].copy_from_slice(&bytes[done..done + piece]);
            sectors.push((index(at), Some(Arc::new(sector))));
            done += piece;
        }
        Change { size: self.size.max(end), sectors }
    }

    /// Returns the change that a new size makes.
    fn truncate(&self, size: u64) -> Change {
        let mut shorter = self.clone();
        shorter.set_size(size);
        let kept = sectors_of(size);
        let mut sectors = Vec::new();
        if size < self.size && kept > 0 {
            sectors.push((kept - 1, shorter.sectors[kept - 1].clone()));
        }
        sectors.extend((kept..self.sectors.len()).map(|gone| (gone, None)));
        Change { size, sectors }
    }

    fn set(&mut self, index: usize, sector: Sector) {
        if index >= self.sectors.len() {
            self.sectors.resize(index + 1, None);
        }
        self.sectors[index] = sector;
    }

    fn set_size(&mut self, size: u64) {
        self.size = size;
        self.sectors.resize(sectors_of(size), None);
        let tail = usize::try_from(size % SECTOR as u64).unwrap_or_default();
        if tail > 0
            && let Some(Some(last)) = self.sectors.last_mut()
            && last[tail..].iter().any(|byte| *byte != 0)
        {
            Arc::make_mut(last)[tail..].fill(0);
        }
    }

    fn apply(&mut self, change: &Change) {
        for (index, sector) in &change.sectors {
            self.set(*index, sector.clone());
        }
        self.set_size(change.size);
    }
}

impl FileNode {
    pub(super) fn new(content: Content) -> Self {
        Self { durable: content.clone(), content, pending: Vec::new() }
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let change = self.content.write(offset, bytes);
        self.change(change);
    }

    pub(super) fn truncate(&mut self, size: u64) {
        let change = self.content.truncate(size);
        self.change(change);
    }

    fn change(&mut self, change: Change) {
        self.content.apply(&change);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            self.durable.apply(&change);
        }
    }

    /// Forgets the unsynced changes, as Linux does when a sync fails. Some of them may be on the disk. Later
    /// syncs do not write the others, although everyone reads them.
    pub(super) fn fail_sync(&mut self, rng: &mut fastrand::Rng) {
        self.durable = self.after_power_loss(rng);
        self.pending.clear();
    }

    pub(super) fn is_clean(&self) -> bool {
        self.pending.is_empty()
    }

    /// Returns a possible content after a power loss.
    pub(super) fn after_power_loss(&self, rng: &mut fastrand::Rng) -> Content {
        if self.pending.is_empty() {
            return self.durable.clone();
        }
        match rng.u8(0..10) {
            0 => self.durable.clone(),
            1 | 2 => self.prefix(self.pending.len()),
            3..=5 => self.prefix(rng.usize(0..=self.pending.len())),
            6 | 7 => self.torn(rng),
            _ => self.mixed(rng),
        }
    }

    /// Applies the first changes.
    fn prefix(&self, length: usize) -> Content {
        let mut content = self.durable.clone();
        self.pending[..length].iter().for_each(|change| content.apply(change));
        content
    }

    /// Applies the first changes and a part of the next one, which may end within a sector.
    fn torn(&self, rng: &mut fastrand::Rng) -> Content {
        let whole = rng.usize(0..self.pending.len());
        let mut content = self.prefix(whole);
        let next = &self.pending[whole];
        let written = rng.usize(0..=next.sectors.len());
        let (done, rest) = next.sectors.split_at(written);
        for (index, sector) in done {
            content.set(*index, sector.clone());
        }
        if let Some((index, Some(sector))) = rest.first()
            && rng.bool()
        {
            let old = content.sectors.get(*index).cloned().flatten();
            let mut torn = old.map_or([0; SECTOR], |old| *old);
            let cut = 512 * rng.usize(0..=SECTOR / 512);
            torn[..cut].copy_from_slice(&sector[..cut]);
            content.set(*index, Some(Arc::new(torn)));
        }
        let size = if rng.bool() { next.size } else { content.size };
        content.set_size(size);
        content
    }

    /// Returns any version of each sector, and any size that the file had.
    fn mixed(&self, rng: &mut fastrand::Rng) -> Content {
        let mut content = self.durable.clone();
        for change in &self.pending {
            for (index, sector) in &change.sectors {
                if rng.bool() {
                    content.set(*index, sector.clone());
                }
            }
        }
        let size = rng.choice(self.sizes()).unwrap_or(self.content.size);
        content.set_size(size);
        content
    }

    fn sizes(&self) -> Vec<u64> {
        let mut sizes = vec![self.durable.size];
        sizes.extend(self.pending.iter().map(|change| change.size));
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// Returns all possible contents after a power loss, if there are at most `most`: any version of each
    /// sector, and any size.
    pub(super) fn all_after_power_loss(&self, most: usize) -> Option<Vec<Content>> {
        let mut contents = vec![self.durable.clone()];
        for change in &self.pending {
            if change.sectors.len() > 16 {
                return None;
            }
            for (index, sector) in &change.sectors {
                let with = contents.iter().map(|content| {
                    let mut content = content.clone();
                    content.set(*index, sector.clone());
                    content
                });
                let with: Vec<_> = with.filter(|content| !contents.contains(content)).collect();
                contents.extend(with);
                if contents.len() > most {
                    return None;
                }
            }
        }
        let sizes = self.sizes();
        if contents.len() * sizes.len() > most.saturating_mul(4) {
            return None;
        }
        let mut all: Vec<Content> = Vec::new();
        for content in &contents {
            for size in &sizes {
                let mut content = content.clone();
                content.set_size(*size);
                if !all.contains(&content) {
                    all.push(content);
                }
            }
        }
        (all.len() <= most).then_some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> FileNode {
        let mut file = FileNode::default();
        file.write(0, bytes);
        file.sync();
        file
    }

    #[test]
    fn it_reads_what_was_written_and_zeros_in_gaps() {
        let mut file = file(b"begin");
        file.write(2 * SECTOR as u64 - 2, b"over a border");
        let mut expected = vec![0; 2 * SECTOR - 2];
        expected[..5].copy_from_slice(b"begin");
        expected.extend(b"over a border");
        assert_eq!(file.content.bytes(), expected);
        file.truncate(3);
        assert_eq!(file.content.bytes(), b"beg");
        file.truncate(8);
        assert_eq!(file.content.bytes(), b"beg\0\0\0\0\0");
        assert_eq!(file.prefix(0).bytes(), b"begin");
        assert_eq!(file.prefix(2).bytes(), b"beg");
        file.sync();
        assert_eq!(file.durable, file.content);
        assert_eq!(file.content.read(6, &mut [0; 10]), 2);
        assert_eq!(file.content.read(9, &mut [0; 10]), 0);
    }

    #[test]
    fn all_combinations_are_listed_and_random_ones_are_among_them() {
        let mut file = file(&[1; SECTOR]);
        file.write(0, &[2; 2 * SECTOR]);
        file.write(SECTOR as u64, &[3; SECTOR]);
        let all = file.all_after_power_loss(100).unwrap();
        // Two versions of sector 0, alone or with one of three versions of sector 1, one of which is zeros.
        assert_eq!(all.len(), 2 + 2 * 3);
        assert!(file.all_after_power_loss(7).is_none());
        let mut rng = fastrand::Rng::with_seed(1);
        let mut found = std::collections::BTreeSet::new();
        for _ in 0..500 {
            // Not one that is torn within a sector.
            let content = file.mixed(&mut rng);
            found.insert(all.iter().position(|one| *one == content).unwrap());
            file.after_power_loss(&mut rng);
        }
        assert_eq!(found.len(), all.len());
    }

    #[test]
    fn what_a_failed_sync_lost_no_later_one_writes() {
        let mut rng = fastrand::Rng::with_seed(3);
        let lost = (0..20).any(|_| {
            let mut file = file(b"old");
            file.write(0, b"new");
            file.fail_sync(&mut rng);
            file.sync();
            assert_eq!(file.content.bytes(), b"new");
            file.durable.bytes() == b"old"
        });
        assert!(lost);
    }
}
