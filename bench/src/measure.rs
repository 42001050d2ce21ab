//! Rounds and medians.

use std::time::{Duration, Instant};

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Rounds whose median counts.
    pub rounds: u32,
    /// Seconds for each measurement of the relay in each round.
    pub seconds: f64,
    /// Connections to the relay at once.
    pub connections: usize,
}

/// The middle value; of an even number of them, the mean of the middle two. Not a number when there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.as_slice() {
        [] => f64::NAN,
        sorted if sorted.len() % 2 == 1 => sorted[middle],
        sorted => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// What came of it, and how many seconds it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

/// A round of a micro-benchmark repeats its work for about this long: far above the clock's resolution, far below a scheduler's mood.
const ROUND: Duration = Duration::from_millis(40);

/// Microseconds that one call takes, for each of several jobs that are measured in turns.
pub fn micros<const N: usize>(effort: Effort, mut jobs: [&mut dyn FnMut(); N]) -> [f64; N] {
    // How often each has to be called to fill a round; the first calls also warm caches and branch predictors.
    let calls: Vec<u32> = jobs.iter_mut().map(|job| calls_for(ROUND, *job)).collect();
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..effort.rounds {
        for ((job, calls), times) in jobs.iter_mut().zip(&calls).zip(&mut times) {
            let start = Instant::now();
            for _ in 0..*calls {
                job();
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(*calls));
        }
    }
    times.map(median)
}

fn calls_for(time: Duration, job: &mut dyn FnMut()) -> u32 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            job();
        }
        if start.elapsed() * 4 >= time {
            return (calls * 4).max(1);
        }
        calls *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!(median(vec![]).is_nan());
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn slower_work_takes_longer() {
        let effort = Effort {
            rounds: 3,
            seconds: 1.0,
            connections: 1,
        };
        let work = |n: u64| {
            std::hint::black_box((0..n).fold(0u64, |a, b| a.wrapping_mul(31).wrapping_add(std::hint::black_box(b))))
        };
        let [short, long] = micros(effort, [&mut || _ = work(1_000), &mut || _ = work(20_000)]);
        assert!(long > short * 2.0, "{short} {long}");
    }
}
