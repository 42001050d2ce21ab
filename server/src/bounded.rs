//! Reading files that somebody else may have made longer than they are meant to be.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// A text that an operator wrote, or the relay for one: settings, a certificate's chain, a key. The longest real ones have some ten KiB.
pub const TEXT_BYTES: u64 = 1 << 20;

/// The content of a regular file that has at most so many bytes.
///
/// # Errors
/// The file system's, [`io::ErrorKind::InvalidInput`] for a directory, a pipe or a device, and [`io::ErrorKind::FileTooLarge`] for one that is longer: no more of it is read.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut options = File::options();
    options.read(true);
    // Opening a pipe would wait for someone to write to it, for ever if need be.
    #[cfg(target_os = "linux")]
    if let Ok(flags) = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()) {
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let file = options.open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    // At once: where a vector grows it leaves copies behind, and it may be a private key.
    let length = usize::try_from(meta.len().min(most)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(length.saturating_add(1));
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let reason = format!("it has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// The same for text.
///
/// # Errors
/// As [`read`], and [`io::ErrorKind::InvalidData`] for what is no UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read(path, TEXT_BYTES)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_a_file_may_have() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        std::fs::write(&path, [7; 100]).unwrap();
        assert_eq!(read(&path, 100).unwrap(), [7; 100]);
        assert_eq!(read(&path, 99).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        // A hole takes no disk, and would have taken this much memory.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read_text(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(read_text(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    /// Opening a pipe waits for a writer, and reading from one never ends: neither is begun.
    #[cfg(target_os = "linux")]
    #[test]
    fn only_regular_files_are_read_and_a_pipe_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [&*pipe, &*link, place.path(), Path::new("/dev/zero")] {
            let path = path.to_owned();
            let (tell, told) = std::sync::mpsc::channel();
            // One that waits would wait for ever.
            std::thread::spawn(move || tell.send(read_text(&path)));
            let outcome = told.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
            assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        std::fs::write(place.path().join("file"), "text").unwrap();
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert_eq!(read_text(&link).unwrap(), "text");
    }
}
