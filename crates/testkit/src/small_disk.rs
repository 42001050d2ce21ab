//! A small file system of a test's own, to be filled and made read-only: in memory, in a mount namespace. Machines without user namespaces (some containers
//! forbid them) have none.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Mounts it and says so. What stands on standard input from then on is done beside it.
const MOUNT: &str = "mount -t tmpfs -o size=$2,mode=700 none \"$1\" && echo mounted && exec sh";

/// A file system, for as long as this lives.
#[derive(Debug)]
pub struct SmallDisk {
    /// A shell inside the namespace.
    holder: Child,
    place: TempDir,
}

impl SmallDisk {
    /// One of so many bytes.
    ///
    /// # Errors
    /// Why the machine does not allow it.
    pub fn mount(bytes: u64) -> Result<Self, String> {
        let place = TempDir::new().unwrap();
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "--", "/bin/sh", "-c"])
            .args([MOUNT, "sh"])
            .arg(place.path())
            .arg(bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        if line(&mut holder) == "mounted\n" {
            return Ok(Self { holder, place });
        }
        let mut why = String::new();
        holder.stderr.take().unwrap().read_to_string(&mut why).unwrap();
        holder.wait().unwrap();
        Err(why.trim().to_owned())
    }

    /// Where it is, for programs that [`SmallDisk::command`] runs.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// A file on it, as it is seen from outside.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        let root = Path::new("/proc").join(self.holder.id().to_string()).join("root");
        root.join(self.place().strip_prefix("/").unwrap()).join(name)
    }

    /// A program that sees it at its [`SmallDisk::place`].
    #[must_use]
    pub fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new("/usr/bin/nsenter");
        let holder = self.holder.id().to_string();
        command
            .args(["--target", &holder, "--user", "--mount", "--preserve-credentials", "--"])
            .arg(program);
        command
    }

    /// Another program writes the file `name` until nothing fits any more. How many bytes did.
    pub fn fill(&self, name: &str) -> u64 {
        let mut file = File::create(self.path(name)).unwrap();
        let mut written = 0;
        for piece in [1 << 20, 1 << 12] {
            let piece = vec![0x5a; piece];
            loop {
                match file.write(&piece) {
                    Ok(0) => panic!("nothing was written"),
                    Ok(bytes) => written += bytes as u64,
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        written
    }

    /// `ro` or `rw`.
    pub fn remount(&mut self, how: &str) {
        let order = format!("mount -o remount,{how} '{}' && echo done\n", self.place().display());
        self.holder.stdin.as_mut().unwrap().write_all(order.as_bytes()).unwrap();
        assert_eq!(line(&mut self.holder), "done\n");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A line of what it says.
fn line(holder: &mut Child) -> String {
    let mut line = String::new();
    let output = holder.stdout.as_mut().unwrap();
    // One byte after the other: what comes behind it is for the next who asks.
    while !line.ends_with('\n') {
        let mut byte = [0];
        if output.read(&mut byte).unwrap() == 0 {
            break;
        }
        line.push(char::from(byte[0]));
    }
    line
}
