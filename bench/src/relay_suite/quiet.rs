//! Between measurements: what one left to be done (files to be overwritten, pages to be written back) is neither to slow down the next nor to be left out of its own account.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A machine that others use is never quiet.
const PATIENCE: Duration = Duration::from_secs(5);
/// Twenty hundredths of a second on two cores, in which Linux counts.
const LOOK: Duration = Duration::from_millis(100);
/// So many quiet looks one after the other.
const LOOKS: u32 = 2;
/// Of the time of all cores, at most this part is spent on something, the disk included.
const BUSY: f64 = 0.1;

/// Waits until the machine has nothing to do, or for five seconds. Known on Linux only; elsewhere it waits for two looks.
pub fn wait() {
    let (deadline, mut quiet) = (Instant::now() + PATIENCE, 0);
    let mut before = spent();
    while quiet < LOOKS && Instant::now() < deadline {
        sleep(LOOK);
        let now = spent();
        let busy = before
            .zip(now)
            .is_some_and(|(before, now)| now.busy - before.busy > BUSY * (now.all - before.all));
        quiet = if busy { 0 } else { quiet + 1 };
        before = now;
    }
}

/// Hundredths of a second of all cores since the machine started.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spent {
    all: f64,
    busy: f64,
}

fn spent() -> Option<Spent> {
    parse(&fs::read_to_string("/proc/stat").ok()?)
}

/// The first line of /proc/stat: user, nice, system, idle, and then what is waited for and spent elsewhere.
fn parse(stat: &str) -> Option<Spent> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<f64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    // The last two, a guest's time, are in the first two already.
    let all = fields.iter().take(8).sum();
    Some(Spent {
        all,
        busy: all - fields.get(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_the_disk_is_not_quiet() {
        let stat = "cpu  10 1 20 300 40 5 6 7 99 99\ncpu0 1 1 1 1";
        assert_eq!(parse(stat), Some(Spent { all: 389.0, busy: 89.0 }));
        assert_eq!(parse("intr 1"), None);
    }
}
