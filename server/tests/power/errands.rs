//! An errand that was done does not come back with the power.

use std::{num::NonZeroU32, process::Command, time::Duration};

use server::{
    clock::{Clock as _, SystemClock},
    operator::errands::{self, Errand},
};
use tempfile::TempDir;

use crate::{
    common::eventually,
    process::{PROGRAM, Process},
    strace,
    trace::{self, Event},
};

#[tokio::test]
async fn the_file_of_an_errand_is_gone_for_good_before_the_next_is_looked_for() {
    let Some(strace) = strace() else {
        testkit::machine::lowered(
            "errands",
            "strace is not installed, so nobody saw whether the directory is synced",
        );
        return;
    };
    let dir = TempDir::new().unwrap();
    let (data, output) = (dir.path().join("data"), dir.path().join("trace"));
    let mut command = Command::new(strace);
    command.args([
        "-I",
        "2",
        "-f",
        "-qq",
        "-y",
        "-xx",
        "-s",
        "4096",
        "-e",
        "trace=fsync,fdatasync,unlink",
        "-e",
        "signal=none",
        "-o",
    ]);
    command.arg(&output).arg(PROGRAM);
    let mut traced = Process::spawn(command, &data, "127.0.0.1:0");
    let errand = Errand::Invite {
        hash: [7; 32],
        uses: NonZeroU32::MIN,
        expires: SystemClock.now().plus(Duration::from_secs(3600)),
    };
    let file = errands::ask(&data, &errand).unwrap();
    eventually("the relay takes it up", || !file.exists()).await;
    // When it has taken up another it is through with this one: a trace ends with the signal.
    let another = errands::ask(&data, &Errand::Revoke([7; 32])).unwrap();
    eventually("the relay takes the other up", || !another.exists()).await;
    traced.terminate();
    traced.child.wait().unwrap();

    let text = std::fs::read_to_string(&output).unwrap();
    let events = trace::parse(&text, data.to_str().unwrap());
    let name = format!("errands/{}", file.file_name().unwrap().to_str().unwrap());
    let at = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted);
    let removed = at(&|event| matches!(event, Event::Removed { file } if *file == name)).expect("it was removed");
    // First what it did is on the disk, then it goes.
    let done = at(&|event| matches!(event, Event::Synced { file, .. } if file == "relay.sqlite3-wal")).unwrap();
    assert!(done < removed, "{events:?}");
    let synced = events[removed..]
        .iter()
        .any(|event| matches!(event, Event::Synced { file, began } if file == "errands" && *began > removed));
    assert!(synced, "{events:?}");
}
