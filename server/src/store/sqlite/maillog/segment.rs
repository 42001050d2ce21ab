//! One file of the mail log.
//!
//! A file is filled with zeros before it is used: a commit into it then changes no metadata of the file system, and its fsync writes little but the
//! commit (measured: 60 to 65 thousand commits' messages a second against 31 to 45 into a file that grows).

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::record::{self, HEADER, HEADER_OFFSET, Header, Mark};

/// Bytes before the first record.
pub(super) const START: u32 = 64;
const MAGIC: [u8; 8] = *b"LKMAIL1\n";
/// What is written, or waited for, at once: a disk takes some milliseconds for it.
const PIECE: usize = 1 << 20;

/// The file of segment `id`.
pub(super) fn path(directory: &Path, id: u32) -> PathBuf {
    directory.join(format!("mail-{id:08x}.log"))
}

/// The segment that a file is, by its name.
pub(super) fn id_of(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("mail-")?.strip_suffix(".log")?;
    (digits.len() == 8)
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

/// An open segment.
#[derive(Debug)]
pub(in crate::store::sqlite) struct Segment {
    /// Its number.
    pub id: u32,
    /// Its length, records or zeros.
    pub size: u32,
    salt: u64,
    file: File,
}

impl Segment {
    /// Makes the file of a new segment, with a random number of its own. On the disk when this returns, its name too. It takes the file at `spare`, if there is one of zeros of this size. Otherwise the file is one long
    /// hole, into which commits are slower; but nobody waits until it is filled.
    pub fn create(directory: &Path, id: u32, size: u32, salt: u64, spare: Option<&Path>) -> io::Result<Self> {
        let path = path(directory, id);
        let made = match spare {
            Some(spare) => fs::rename(spare, &path).and_then(|()| File::options().read(true).write(true).open(&path)),
            None => private(&path).and_then(|file| file.set_len(u64::from(size)).map(|()| file)),
        };
        let made = made.and_then(|file| {
            let mut head = [0; START as usize];
            head[..8].copy_from_slice(&MAGIC);
            head[8..12].copy_from_slice(&id.to_le_bytes());
            head[12..16].copy_from_slice(&size.to_le_bytes());
            head[16..24].copy_from_slice(&salt.to_le_bytes());
            write_at(&file, &head, 0)?;
            file.sync_all()?;
            sync_directory(directory)?;
            Ok(file)
        });
        match made {
            Ok(file) => Ok(Self { id, size, salt, file }),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Opens the file of a segment; for reading only if it is to be left alone.
    pub fn open(directory: &Path, id: u32, write: bool) -> io::Result<Self> {
        let file = File::options().read(true).write(write).open(path(directory, id))?;
        let size = u32::try_from(file.metadata()?.len()).map_err(|_| invalid("the file is too long"))?;
        let mut head = [0; START as usize];
        read_at(&file, &mut head, 0)?;
        if head[..8] != MAGIC || head[8..12] != id.to_le_bytes() {
            return Err(invalid("the file does not begin as a segment does"));
        }
        // Otherwise records that were cut off would pass for ones that were never written.
        if head[12..16] != size.to_le_bytes() {
            return Err(invalid("the file is not as long as it was made"));
        }
        let mut salt = [0; 8];
        salt.copy_from_slice(&head[16..24]);
        let salt = u64::from_le_bytes(salt);
        Ok(Self { id, size, salt, file })
    }

    /// What its headers are told from others by.
    pub fn mark(&self) -> Mark {
        Mark {
            id: self.id,
            salt: self.salt,
        }
    }

    /// All bytes, as they are now.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.size as usize];
        read_at(&self.file, &mut bytes, 0)?;
        Ok(bytes)
    }

    /// Writes without waiting for the disk.
    pub fn write(&self, bytes: &[u8], at: u32) -> io::Result<()> {
        write_at(&self.file, bytes, at)
    }

    /// Waits until what was written is on the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Overwrites with zeros, without waiting for the disk.
    pub fn zero(&self, at: u32, length: usize) -> io::Result<()> {
        zero(&self.file, at, length)
    }

    /// The record at an offset; none when there is no whole one (any more).
    pub fn record(&self, at: u32, length: u32) -> io::Result<Option<(Header, Vec<u8>)>> {
        let mut head = [0; HEADER];
        let mut envelope = vec![0; length as usize];
        read_at(&self.file, &mut head, at)?;
        read_at(&self.file, &mut envelope, at + HEADER_OFFSET)?;
        let whole = Header::decode(&head, self.mark())
            .filter(|header| header.length == length && header.check == record::check(&envelope));
        Ok(whole.map(|header| (header, envelope)))
    }
}

/// Overwrites a file and deletes it.
pub(super) fn shred(path: &Path) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    zero(&file, 0, usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX))?;
    file.sync_data()?;
    fs::remove_file(path)
}

/// Makes an empty file that nobody else can read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a file of zeros that are on the disk.
pub(super) fn fill(path: &Path, size: u32) -> io::Result<()> {
    zeros(&private(path)?, size)
}

/// Overwrites a file of this size, all of it, and waits until that is on the disk.
pub(super) fn wipe(path: &Path, size: u32) -> io::Result<()> {
    zeros(&File::options().write(true).open(path)?, size)
}

fn zeros(file: &File, size: u32) -> io::Result<()> {
    let zeros = vec![0; PIECE.min(size as usize)];
    let mut at = 0;
    while at < size {
        let piece = zeros.len().min((size - at) as usize);
        write_at(file, &zeros[..piece], at)?;
        // In pieces, so that a commit that wants the disk does not wait for all of it.
        file.sync_data()?;
        at += u32::try_from(piece).unwrap_or(size);
    }
    file.sync_all()
}

/// Makes names that were made or deleted in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

fn zero(file: &File, mut at: u32, length: usize) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut left = length;
    while left > 0 {
        let piece = left.min(ZEROS.len());
        write_at(file, &ZEROS[..piece], at)?;
        at = at.saturating_add(u32::try_from(piece).unwrap_or(u32::MAX));
        left -= piece;
    }
    Ok(())
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u32) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, u64::from(at))
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u32) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, u64::from(at))
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], at: u32) -> io::Result<()> {
    let mut at = u64::from(at);
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        bytes = bytes.get(written..).unwrap_or_default();
        at += written as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], at: u32) -> io::Result<()> {
    let mut at = u64::from(at);
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                bytes = bytes.get_mut(read..).unwrap_or_default();
                at += read as u64;
            }
        }
    }
    Ok(())
}
