//! Between measurements: what one left to be done (files to be overwritten, pages to be written back) is neither to slow down the next nor to be left out of its own account.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::table::Row;

/// A machine that others use is never quiet.
const PATIENCE: Duration = Duration::from_secs(5);
/// Twenty hundredths of a second on two cores, in which Linux counts.
const LOOK: Duration = Duration::from_millis(100);
/// So many quiet looks one after the other.
const LOOKS: u32 = 2;
/// Of the time of all cores, at most this part is spent on something, the disk included.
const BUSY: f64 = 0.1;

/// The rests between bursts.
#[derive(Debug, Default)]
pub struct Rests {
    taken: u32,
    ran_out: u32,
}

impl Rests {
    /// Waits until the machine has nothing to do, or for five seconds. Known on Linux only; elsewhere it waits for two looks.
    pub fn take(&mut self) {
        self.taken += 1;
        self.ran_out += u32::from(!quiet_within(PATIENCE, spent));
    }

    /// How many there were, and how many ended before the machine was quiet: what was measured next may have been slowed down by what came before, or by others.
    pub fn rows(&self) -> Vec<Row> {
        let row = |name: &str, count: u32| Row::new(name, count.into(), "");
        vec![
            row("rests between bursts", self.taken),
            row("rests that ran out before the machine was quiet", self.ran_out),
        ]
    }
}

/// Whether it became quiet in time.
fn quiet_within(patience: Duration, spent: impl Fn() -> Option<Spent>) -> bool {
    let (deadline, mut quiet) = (Instant::now() + patience, 0);
    let mut before = spent();
    while quiet < LOOKS {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK);
        let now = spent();
        let busy = before
            .zip(now)
            .is_some_and(|(before, now)| now.busy - before.busy > BUSY * (now.all - before.all));
        quiet = if busy { 0 } else { quiet + 1 };
        before = now;
    }
    true
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
    fn a_rest_on_a_busy_machine_runs_out() {
        let looks = std::cell::Cell::new(0.0);
        let machine = |busy: f64| {
            move |looks: &std::cell::Cell<f64>| {
                looks.set(looks.get() + 1.0);
                Some(Spent {
                    all: looks.get() * 20.0,
                    busy: looks.get() * busy,
                })
            }
        };
        assert!(!quiet_within(LOOK, || machine(10.0)(&looks)));
        assert!(quiet_within(PATIENCE, || machine(1.0)(&looks)));
        assert!(quiet_within(PATIENCE, || None), "not known");
        let rests = Rests { taken: 7, ran_out: 2 };
        assert_eq!(rests.rows().iter().map(|row| row.value).collect::<Vec<_>>(), [7.0, 2.0]);
    }

    #[test]
    fn waiting_for_the_disk_is_not_quiet() {
        let stat = "cpu  10 1 20 300 40 5 6 7 99 99\ncpu0 1 1 1 1";
        assert_eq!(parse(stat), Some(Spent { all: 389.0, busy: 89.0 }));
        assert_eq!(parse("intr 1"), None);
    }
}
