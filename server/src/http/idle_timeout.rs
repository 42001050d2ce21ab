//! The clock of a connection: how long it may take until it has asked for something.
//!
//! HTTP sets a timer for the head of every request and takes it back when the head is there. Nearly all are: for each request an entry was
//! made in the runtime's wheel of timers and deleted, for nothing. Here a connection has one timer for as long as it lives; a deadline only
//! says what it has to reach, and the timer is set again when it runs out before that.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};
use tokio::time;

/// The one timer.
type Alarm = Arc<Mutex<Pin<Box<time::Sleep>>>>;

/// A timer for one connection, whose deadlines are waited for one at a time.
pub(crate) struct ConnectionTimer(Alarm);

impl ConnectionTimer {
    /// Set to `first` from now; the time to where the first deadline is expected.
    pub fn new(first: Duration) -> Self {
        Self(Arc::new(Mutex::new(Box::pin(time::sleep(first)))))
    }
}

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline {
            at: deadline.into(),
            alarm: Arc::clone(&self.0),
        })
    }

    fn now(&self) -> Instant {
        time::Instant::now().into()
    }
}

/// Done when its time has come.
struct Deadline {
    at: time::Instant,
    alarm: Alarm,
}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.deadline() > self.at {
            alarm.as_mut().reset(self.at);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() >= self.at {
                return Poll::Ready(());
            }
            // It was set for an earlier request.
            alarm.as_mut().reset(self.at);
        }
    }
}

impl Sleep for Deadline {}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(120);

    /// How long a deadline that far away takes.
    async fn takes(timer: &ConnectionTimer, until: Duration) -> Duration {
        let begun = time::Instant::now();
        timer.sleep(until).await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_kept_whatever_the_timer_was_set_to() {
        let timer = ConnectionTimer::new(HEAD);
        let millisecond = Duration::from_millis(1);
        // The first, one after the timer has run out, one that is nearer than the timer, and one that is over.
        for until in [HEAD, HEAD, HEAD / 2, Duration::ZERO] {
            let took = takes(&timer, until).await;
            assert!((until..=until + millisecond).contains(&took), "{took:?} for {until:?}");
        }
        // Given up, like that of a head that came: the next begins anew.
        let given_up = time::timeout(HEAD / 4, timer.sleep(HEAD)).await;
        assert!(given_up.is_err());
        let took = takes(&timer, HEAD).await;
        assert!((HEAD..=HEAD + millisecond).contains(&took), "{took:?}");
    }
}
