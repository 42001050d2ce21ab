//! The relay's two exchanges, looked at in every order in which their steps can happen: deliver, acknowledge, retry; and play, commit, answer,
//! retry.
//!
//! The network loses, repeats, delays and reorders what is sent: every message that ever was on its way may arrive at any later moment, any number of
//! times, or never. The relay may crash between any two steps. Nothing here waits or depends on chance: the checker visits every state there
//! is within the bounds that each file names.
//!
//! That the relay is built like the model is asked of the relay itself: [`replay`] acts traces of both out on it.
//!
//! A check that cannot fail shows nothing, so each promise is also asked of a relay that is built wrong in the one way the promise is about, and
//! has to be broken there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests, like the tests themselves

mod delivery;
mod plays;
mod replay;

use std::{fmt::Debug, hash::Hash};

use stateright::{Checker, HasDiscoveries, Model};

/// What can be explored.
trait Explorable:
    Model<State: Hash + Send + Sync + Clone + Debug + PartialEq, Action: Send + Sync + Clone + Debug + PartialEq>
    + Send
    + Sync
    + 'static
{
}
impl Explorable for delivery::Delivery {}
impl Explorable for plays::Plays {}

/// Visits the states of `model`, all of them unless `until` comes first, and gives the checker back.
fn explore<M: Explorable>(model: M, until: HasDiscoveries) -> impl Checker<M> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    model.checker().threads(threads).finish_when(until).spawn_bfs().join()
}

/// Every promise holds, every hope is reachable, and there were enough states for that to mean something.
fn holds<M: Explorable>(model: M, at_least: usize) {
    let checked = explore(model, HasDiscoveries::AnyFailures);
    let states = checked.unique_state_count();
    checked.assert_properties();
    assert!(states >= at_least, "only {states} states were visited");
}

/// `promise` is broken in this wrongly built relay.
fn breaks<M: Explorable>(model: M, promise: &'static str) {
    let checked = explore(model, HasDiscoveries::AnyOf([promise].into()));
    assert!(
        checked.discovery(promise).is_some(),
        "the control kept the promise \"{promise}\": the check would not notice"
    );
}
