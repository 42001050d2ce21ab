//! Signals that end or stop the program: first the terminal is given back.

use std::io;
use std::sync::{MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

#[cfg(target_os = "linux")]
use rustix::process::Signal;
#[cfg(target_os = "linux")]
use signal_hook::consts::SIGIO;
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGXCPU, SIGXFSZ,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, exit};

use super::{STATE, State, Work, line, state, work};

/// What ends a program that does not handle it, on every Unix, as far as a program can: see the head of this file. (PIPE is ignored by Rust's runtime.)
const ENDING: [i32; 14] = [
    SIGTERM, SIGHUP, SIGQUIT, SIGINT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ, SIGABRT, SIGSYS,
    SIGTRAP,
];
/// And on Linux: IO (which does nothing elsewhere), PWR, STKFLT where there is one, and the real-time signals, of which the C library keeps the first ones.
#[cfg(target_os = "linux")]
const ENDING_HERE: [std::ops::RangeInclusive<i32>; 4] =
    [SIGIO..=SIGIO, SIGPWR..=SIGPWR, SIGSTKFLT..=SIGSTKFLT, 34..=64];
#[cfg(target_os = "linux")]
const SIGPWR: i32 = Signal::POWER.as_raw();
#[cfg(target_os = "linux")]
const SIGSTKFLT: i32 = 16;
#[cfg(not(target_os = "linux"))]
const ENDING_HERE: [std::ops::RangeInclusive<i32>; 0] = [];
/// What shells add to a signal's number to say that it ended a program.
const BY_SIGNAL: i32 = 128;

/// A terminal that takes nothing more (its line is stopped) holds up a drawing, not the end of the program: half a second in all.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

pub(super) fn watched() -> bool {
    state().watched
}

/// Whether there was work that this ends.
fn ends_work() -> bool {
    let mut work = work();
    match std::mem::replace(&mut *work, Work::Ending) {
        Work::Going(tell) => {
            let _ = tell.send(());
            true
        }
        Work::Ending => true,
        Work::None => {
            *work = Work::None;
            false
        }
    }
}

/// What was ignored when the program was started (`trap '' USR1`, `nohup`) does not end it, and goes on being ignored. Where the system does not say what is
/// ignored, nothing is.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

pub(super) fn watch(state: &mut State) -> io::Result<()> {
    if state.watched {
        return Ok(());
    }
    let ignored = ignored();
    let is_ignored = |signal: i32| ignored.checked_shr(signal.unsigned_abs() - 1).unwrap_or(0) & 1 == 1;
    let everywhere = ENDING.into_iter().chain([SIGTSTP]);
    let mut signals = Signals::new(everywhere.filter(|signal| !is_ignored(*signal)))?;
    for signal in ENDING_HERE.into_iter().flatten().filter(|signal| !is_ignored(*signal)) {
        // What the C library keeps for itself it does not hand out, and nothing sends it.
        let _ = signals.add_signal(signal);
    }
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGINT if ends_work() => {}
                SIGTSTP => {
                    if let Some(mut state) = patiently() {
                        let _ = state.suspend();
                    }
                }
                signal => end_by(signal),
            }
        }
    })?;
    state.watched = true;
    Ok(())
}

/// Ends the program as the signal would have.
fn end_by(signal: i32) {
    // Held to the end: nothing is drawn any more.
    let mut state = patiently();
    match &mut state {
        Some(state) => state.leave(),
        None => line::give_back(),
    }
    let _ = emulate_default_handler(signal);
    // The library does not know how to die by this one, so the program says it as a shell would.
    exit(BY_SIGNAL + signal)
}

fn patiently() -> Option<MutexGuard<'static, State>> {
    for _ in 0..ATTEMPTS {
        match STATE.try_lock() {
            Ok(state) => return Some(state),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
        }
    }
    None
}
