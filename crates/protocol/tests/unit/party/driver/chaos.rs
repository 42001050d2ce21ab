//! What chance does to a network, and how a fair network puts it right.

use std::collections::HashSet;
use std::time::Duration;

use rand_chacha::rand_core::Rng;

use super::net::{HOUR, Net, name};
use crate::content::{Body, ContentId};
use crate::party::Party;

impl Net {
    pub(super) fn mangle(&mut self, i: usize) {
        let (a, b, mut envelope) = self.wire[i].clone();
        match self.below(4) {
            0 => envelope[1] = 1 + self.below(3) as u8,
            1 => envelope.truncate(self.rng.next_u64() as usize % envelope.len()),
            2 => envelope.push(0),
            _ => {
                let at = self.below(envelope.len());
                envelope[at] ^= 1 << self.below(8);
            }
        }
        if envelope != self.wire[i].2 {
            assert_ne!(
                self.give(b, &envelope, a, false),
                "opened",
                "an altered envelope opened"
            );
        }
    }

    pub(super) fn restore(&mut self, a: usize) {
        let Some((records, desk)) = self.snapshots.get(&a).cloned() else {
            return;
        };
        self.rolled.extend(self.parties[a].sessions.keys());
        self.parties[a] = Party::load(records).unwrap();
        self.parties[a].set_policy(self.policy);
        self.parties[a].restored(self.now);
        self.rolled.extend(self.parties[a].sessions.keys());
        self.desks[a] = desk;
        let kept: HashSet<ContentId> = self.parties[a]
            .pending
            .values()
            .flat_map(|l| l.values().map(|p| p.id))
            .collect();
        let gone = self
            .sent
            .keys()
            .filter(|(x, id)| *x == a && !kept.contains(id))
            .copied();
        self.forgiven.extend(gone);
        self.restores += 1;
        self.restored.insert(a);
        self.serve(a);
    }

    pub(super) fn chaos(&mut self, steps: usize, hostile: bool) {
        let loss = [0.0, 5.0, 30.0, 70.0][self.below(4)];
        let repeat = [0.0, 10.0, 30.0][self.below(3)];
        let people = self.parties.len();
        let talkative: Vec<usize> = (0..people).map(|_| 1 + self.below(20)).collect();
        for _ in 0..steps {
            let dice = self.below(1000);
            let mut pick = self.below(talkative.iter().sum());
            let a = talkative
                .iter()
                .position(|weight| pick.checked_sub(*weight).map(|rest| pick = rest).is_none())
                .unwrap();
            let b = (a + 1 + self.below(people - 1)) % people;
            match dice {
                0..450 => {
                    let many = if self.chance(10.0) { 30 } else { 1 };
                    let count = [1, 1, 1, 2, 5, many][self.below(6)];
                    (0..count).for_each(|_| self.say(a, b));
                    if self.chance(90.0) {
                        self.flush(a); // else: a crash between commit and transmit
                    }
                }
                450..900 if !self.wire.is_empty() => {
                    let i = if self.chance(60.0) {
                        self.below(self.wire.len())
                    } else {
                        0
                    };
                    if self.chance(loss) {
                        self.wire.remove(i);
                    } else {
                        let keep = self.chance(repeat);
                        self.deliver(i, keep);
                    }
                }
                900..930 => {
                    self.now = self
                        .now
                        .plus(Duration::from_secs([1, 60, 3600, 3 * 3600][self.below(4)]));
                }
                930..950 if !self.wire.is_empty() => {
                    let i = self.below(self.wire.len());
                    self.mangle(i);
                }
                950..960 if !self.wire.is_empty() => {
                    let i = self.below(self.wire.len());
                    let (from, to, envelope) = self.wire[i].clone();
                    assert_ne!(
                        self.give(from, &envelope, to, false),
                        "opened",
                        "a reflected envelope opened"
                    );
                }
                960..965 => (0..people).for_each(|i| self.flush(i)),
                965..975 if hostile => {
                    self.snapshots.insert(a, (self.records(a), self.desks[a].clone()));
                }
                975..980 if hostile && self.restores < 2 => self.restore(a),
                980..985 if hostile => self.start(a, b),
                985..990 if hostile => self.parties[a].account.forget_one_time_secrets(),
                990..995 => self.publish(a, true),
                995..1000 if self.rotating => self.succeed(a),
                _ => {}
            }
        }
    }

    pub(super) fn drain(&mut self) {
        loop {
            (0..self.parties.len()).for_each(|i| self.flush(i));
            if self.wire.is_empty() {
                return;
            }
            let i = self.below(self.wire.len());
            self.deliver(i, false);
        }
    }

    pub(super) fn pairs(&self) -> Vec<(usize, usize)> {
        let people = self.parties.len();
        let knows = |a: usize, b: usize| self.parties[a].sessions_with(&name(b)).next().is_some();
        let all = (0..people).flat_map(|a| (a + 1..people).map(move |b| (a, b)));
        all.filter(|(a, b)| knows(*a, *b) || knows(*b, *a)).collect()
    }

    pub(super) fn apart(&self) -> bool {
        self.pairs().iter().any(|(a, b)| {
            let one = self.parties[*a].current(&name(*b)).map(|s| s.id);
            let other = self.parties[*b].current(&name(*a)).map(|s| s.id);
            one.is_none() || one != other
        })
    }

    pub(super) fn unsettled(&self) -> bool {
        self.parties
            .iter()
            .any(|party| party.pending.values().any(|list| !list.is_empty()))
    }

    /// A fair network from here on. Returns how many rounds it took, and asserts that everything came together.
    pub(super) fn settle(&mut self) -> usize {
        self.drain();
        let mut rounds = 0;
        while rounds < 6 && (self.apart() || self.unsettled()) {
            rounds += 1;
            if rounds == 4 {
                self.now = self.now.plus(8 * 24 * HOUR);
                for i in 0..self.parties.len() {
                    self.parties[i].tick(self.now);
                    self.serve(i);
                }
            }
            for (a, b) in self.pairs() {
                self.send(a, b, Body::Empty);
                self.send(b, a, Body::Empty);
            }
            self.drain();
        }
        assert!(!self.apart(), "both ends send on one session");
        assert!(!self.unsettled(), "everything is acknowledged");
        for key in self.sent.keys() {
            assert!(
                self.came.contains(key) || self.forgiven.contains(key),
                "a message was lost"
            );
        }
        for (a, b) in self.pairs() {
            let (one, other) = (
                self.parties[a].current(&name(b)).unwrap(),
                self.parties[b].current(&name(a)).unwrap(),
            );
            assert!(one.epoch.abs_diff(other.epoch) <= 1, "epochs apart");
        }
        assert!(
            self.unopenable.is_empty(),
            "first arrivals found no key: {:?}",
            self.unopenable
        );
        assert!(
            rounds < 3 || self.restores > 0,
            "slow: {rounds} rounds without a restore"
        );
        rounds
    }
}
