//! What a process asked of its disk and when it answered: the output of strace (`-f -y -xx`), parsed.

use std::collections::HashMap;

/// Something that happened, in the order in which the kernel saw it.
#[derive(Debug)]
pub enum Event {
    /// Bytes on their way into a file.
    Write { file: String, at: usize, bytes: Vec<u8> },
    /// A file's new length on its way.
    Resize { file: String, length: usize },
    /// A file's name on its way out of the directory.
    Removed { file: String },
    /// From here on, whatever was written to the file before the sync with this number began is on the disk.
    Synced { file: String, began: usize },
    /// Bytes sent to somebody.
    Sent(Vec<u8>),
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    text.split("\\x")
        .skip(1)
        .map(|byte| u8::from_str_radix(byte.get(..2)?, 16).ok())
        .collect()
}

/// The path behind a descriptor, `5<\x2f…>`; with a socket, `7<socket:[12]>`, none of the directory's.
fn file(descriptor: &str, directory: &str) -> Option<String> {
    let inside = descriptor.split_once('<')?.1.split_once('>')?.0;
    let path = String::from_utf8(unhex(inside)?).ok()?;
    path.strip_prefix(directory)?.strip_prefix('/').map(str::to_owned)
}

/// Reads a trace. Of files only those in `directory` are told, by their names in it.
pub fn parse(trace: &str, directory: &str) -> Vec<Event> {
    let mut events = Vec::new();
    // Syncs that have begun and not ended, by thread: the file, and when.
    let mut syncing: HashMap<&str, (String, usize)> = HashMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        if let Some(rest) = call.strip_prefix("<... ") {
            let sync = rest.starts_with("fsync") || rest.starts_with("fdatasync");
            if sync
                && let Some((file, began)) = syncing.remove(thread)
                && rest.trim_end().ends_with("= 0")
            {
                events.push(Event::Synced { file, began });
            }
            continue;
        }
        let Some((name, arguments)) = call.split_once('(') else {
            continue;
        };
        let quoted: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
        let descriptor = arguments.split(',').next().unwrap_or_default();
        match name {
            "pwrite64" | "write" => {
                let bytes = quoted.first().and_then(|text| unhex(text)).unwrap_or_default();
                match file(descriptor, directory) {
                    Some(file) if name == "pwrite64" => {
                        let behind = arguments.rsplit('"').next().unwrap_or_default();
                        let at = behind.split([',', ')', ' ']).filter(|part| !part.is_empty()).nth(1);
                        let at = at.and_then(|at| at.parse().ok()).expect("an offset");
                        events.push(Event::Write { file, at, bytes });
                    }
                    // The log and the keys are not written like this.
                    Some(_) => {}
                    None => events.push(Event::Sent(bytes)),
                }
            }
            "writev" | "sendto" | "sendmsg" => {
                events.push(Event::Sent(
                    quoted.iter().filter_map(|text| unhex(text)).flatten().collect(),
                ));
            }
            "ftruncate" => {
                if let Some(file) = file(descriptor, directory) {
                    // Behind it another thread may have come in between: "<unfinished ...>".
                    let length = arguments
                        .split([',', ')'])
                        .nth(1)
                        .and_then(|length| length.split_whitespace().next()?.parse().ok());
                    events.push(Event::Resize {
                        file,
                        length: length.expect("a length"),
                    });
                }
            }
            "unlink" => {
                let path = quoted.first().and_then(|text| String::from_utf8(unhex(text)?).ok());
                let name = path
                    .as_deref()
                    .and_then(|path| path.strip_prefix(directory)?.strip_prefix('/'));
                if let Some(name) = name {
                    events.push(Event::Removed { file: name.to_owned() });
                }
            }
            "fsync" | "fdatasync" => {
                if let Some(file) = file(descriptor, directory) {
                    if arguments.contains("<unfinished") {
                        syncing.insert(thread, (file, events.len()));
                    } else if arguments.trim_end().ends_with("= 0") {
                        let began = events.len();
                        events.push(Event::Synced { file, began });
                    }
                }
            }
            _ => {}
        }
    }
    events
}
