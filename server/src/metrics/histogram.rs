//! A histogram that is observed with three additions and read whenever somebody asks.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// So many of the smallest unit are one of the exported.
const MICROSECONDS: f64 = 1e6;

/// Observations by size. Not the library's own: that one takes a lock for each observation.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds, ascending, in exported units.
    bounds: &'static [f64],
    /// One for each bound, and one for what is above them all.
    buckets: Box<[AtomicU64]>,
    /// In the smallest unit.
    sum: AtomicU64,
    scale: f64,
}

/// A histogram at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Of all observations.
    pub sum: f64,
    /// How many those are.
    pub count: u64,
    /// Upper bound and how many lie in each bucket, those of lower buckets not included. The last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
}

impl Histogram {
    fn new(bounds: &'static [f64], scale: f64) -> Self {
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
            scale,
        }
    }

    /// Of times, with bounds in seconds.
    #[must_use]
    pub fn seconds(bounds: &'static [f64]) -> Self {
        Self::new(bounds, MICROSECONDS)
    }

    /// Of numbers.
    #[must_use]
    pub fn counts(bounds: &'static [f64]) -> Self {
        Self::new(bounds, 1.0)
    }

    /// Takes a time.
    pub fn observe(&self, time: Duration) {
        self.note(time.as_secs_f64(), u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Takes a number.
    pub fn count(&self, number: usize) {
        #[allow(clippy::cast_precision_loss)] // batches are small
        self.note(number as f64, number as u64);
    }

    fn note(&self, value: f64, units: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(units, Ordering::Relaxed);
    }

    /// What was observed so far. Observations that arrive meanwhile may be in the buckets and not yet in the sum.
    #[must_use]
    pub fn read(&self) -> Reading {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts).collect();
        #[allow(clippy::cast_precision_loss)] // a rounding at 2^53 microseconds, 285 years of requests
        let sum = self.sum.load(Ordering::Relaxed) as f64 / self.scale;
        Reading {
            sum,
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_observation_is_in_one_bucket_and_a_bound_belongs_to_what_is_below() {
        let histogram = Histogram::seconds(&[0.001, 0.01]);
        for micros in [1, 1000, 1001, 10_000, 50_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let reading = histogram.read();
        assert_eq!(reading.buckets, [(0.001, 2), (0.01, 2), (f64::INFINITY, 1)]);
        assert_eq!(reading.count, 5);
        assert!((reading.sum - 0.062_002).abs() < 1e-9);
        let histogram = Histogram::counts(&[1.0, 2.0]);
        for jobs in [1, 2, 3] {
            histogram.count(jobs);
        }
        assert_eq!(histogram.read().buckets, [(1.0, 1), (2.0, 1), (f64::INFINITY, 1)]);
    }
}
