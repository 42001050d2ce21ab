//! Where servers keep their data while they are measured: on a disk.

use std::path::Path;

use anyhow::{Result, bail};
use tempfile::TempDir;

/// A directory of its own for a server. Refused where nothing would reach a disk: an fsync that costs nothing is what all of this is about.
pub fn directory() -> Result<TempDir> {
    let directory = tempfile::tempdir()?;
    if let Some(memory) = memory(directory.path())? {
        bail!(
            "{} is a {memory}: what is stored there never reaches a disk, and the numbers would say nothing. Choose a directory on a disk with TMPDIR",
            std::env::temp_dir().display()
        );
    }
    Ok(directory)
}

/// The name of the file system, if it lives in memory alone. Known on Linux only.
#[cfg(target_os = "linux")]
fn memory(path: &Path) -> Result<Option<&'static str>> {
    Ok(in_memory(u64::try_from(rustix::fs::statfs(path)?.f_type)?))
}

#[cfg(not(target_os = "linux"))]
fn memory(_path: &Path) -> Result<Option<&'static str>> {
    Ok(None)
}

/// The magic numbers of statfs(2).
#[cfg(target_os = "linux")]
const fn in_memory(magic: u64) -> Option<&'static str> {
    match magic {
        0x0102_1994 => Some("tmpfs"),
        0x8584_58f6 => Some("ramfs"),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_in_memory_is_recognised() {
        // Linux keeps one here on every machine.
        assert_eq!(memory(Path::new("/dev/shm")).unwrap(), Some("tmpfs"));
        assert_eq!(memory(Path::new("/proc")).unwrap(), None);
        assert_eq!(in_memory(0xef53), None, "ext4");
    }
}
