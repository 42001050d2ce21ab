//! Two people talk over a relay that loses, repeats, reorders and forges, while they store, load and restore their state.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use latchkey_protocol::party::{Outgoing, Party, Received};

use crate::edit::{Script, apply};
use crate::world::{Records, World, may_change, name, policy, records, text};

/// Steps of one conversation: long enough for several epochs, short enough for many conversations a second.
const MAX_STEPS: usize = 48;
/// An advance after so many messages of one's own.
const ADVANCE_AFTER: u32 = 2;
/// Rounds over a fair network in which the two have to find together again.
const FAIR_ROUNDS: usize = 4;

/// Conversations to begin with, by name.
#[must_use]
pub fn examples() -> Vec<(&'static str, Vec<u8>)> {
    let (say, deliver, again, drop, forge) = (0_u8, 6_u8, 12_u8, 14_u8, 16_u8);
    let (reload, wait, back_up, restore, publish) = (22_u8, 24_u8, 26_u8, 28_u8, 30_u8);
    let bob = 1;
    let turns = [say, deliver, 0, say | bob, deliver, 0].repeat(6);
    let lossy = [
        say,
        say,
        drop,
        0,
        say | bob,
        say,
        deliver,
        1,
        deliver,
        0,
        say | bob,
        again,
        0,
    ]
    .repeat(3);
    let stored = [
        say,
        reload,
        deliver,
        0,
        reload | bob,
        say | bob,
        say | bob,
        deliver,
        1,
        reload,
    ]
    .repeat(3);
    let forged = [
        say,
        forge,
        0,
        1,
        0,
        0,
        31,
        2,
        deliver,
        0,
        say | bob,
        forge,
        0,
        8,
        0,
        0,
        3,
        1,
    ]
    .repeat(2);
    let crossing = [
        say,
        say | bob,
        deliver,
        0,
        deliver,
        0,
        say,
        say | bob,
        deliver,
        1,
        deliver,
        0,
    ]
    .repeat(3);
    let restored = [
        say,
        deliver,
        0,
        back_up,
        say | bob,
        deliver,
        0,
        say,
        deliver,
        0,
        restore,
        say | bob,
        deliver,
        0,
        say,
    ]
    .repeat(2);
    let late = [
        say,
        wait,
        0x80,
        0,
        deliver,
        0,
        publish | bob,
        say,
        wait,
        0xff,
        0xff,
        say | bob,
        deliver,
        0,
    ]
    .to_vec();
    vec![
        ("turns", turns),
        ("lossy", lossy),
        ("stored", stored),
        ("forged", forged),
        ("crossing", crossing),
        ("restored", restored),
        ("late", late),
    ]
}

struct Net {
    world: World,
    /// What is under way: to whom, and the envelope.
    wire: Vec<(usize, Vec<u8>)>,
    /// Everything ever sent: from whom.
    genuine: HashMap<Vec<u8>, usize>,
    backups: [Option<Records>; 2],
    said: usize,
}

fn beginning() -> &'static World {
    static BEGINNING: OnceLock<World> = OnceLock::new();
    BEGINNING.get_or_init(|| World::new(8, ADVANCE_AFTER))
}

/// Each byte is a step.
pub fn run(data: &[u8]) {
    let world = beginning().clone();
    let mut net = Net {
        world,
        wire: Vec::new(),
        genuine: HashMap::new(),
        backups: [None, None],
        said: 0,
    };
    let mut script = Script::new(data);
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        net.step(&mut script);
    }
    net.come_together();
}

impl Net {
    fn step(&mut self, script: &mut Script<'_>) {
        let op = script.byte();
        let who = usize::from(op & 1);
        match op >> 1 & 15 {
            0..=2 => self.say(who),
            3..=5 => self.deliver(script, false),
            6 => self.deliver(script, true),
            7 => drop(self.pick(script).map(|i| self.wire.remove(i))),
            8..=10 => self.forge(script),
            11 => self.reload(who),
            12 => self.world.wait(Duration::from_secs(60 * u64::from(script.short()))),
            13 => self.backups[who] = Some(records(&self.world.people[who])),
            14 => self.restore(who),
            _ => self.world.publish(who, true),
        }
    }

    fn post(&mut self, from: usize, out: Vec<Outgoing>) {
        for letter in out {
            assert_eq!(letter.to, name(1 - from));
            self.genuine.insert(letter.envelope.clone(), from);
            self.wire.push((1 - from, letter.envelope));
        }
    }

    fn say(&mut self, from: usize) {
        self.said += 1;
        let out = self.world.say(from, &format!("{} says {}", name(from), self.said));
        self.post(from, out);
    }

    fn pick(&self, script: &mut Script<'_>) -> Option<usize> {
        let at = usize::from(script.byte());
        (!self.wire.is_empty()).then(|| at % self.wire.len())
    }

    fn deliver(&mut self, script: &mut Script<'_>, again: bool) {
        let Some(i) = self.pick(script) else { return };
        let (to, envelope) = if again {
            self.wire[i].clone()
        } else {
            self.wire.remove(i)
        };
        self.receive(to, &envelope);
    }

    /// An altered envelope, or a genuine one to the wrong person.
    fn forge(&mut self, script: &mut Script<'_>) {
        let Some(i) = self.pick(script) else { return };
        let (to, envelope) = &self.wire[i];
        let reflect = script.byte() % 8 == 0;
        let to = if reflect { 1 - *to } else { *to };
        let donors: Vec<&[u8]> = self.wire.iter().map(|(_, envelope)| &envelope[..]).collect();
        let altered = apply(envelope, script, &donors);
        self.receive(to, &altered);
    }

    fn receive(&mut self, to: usize, envelope: &[u8]) -> bool {
        let before = records(&self.world.people[to]);
        let received = self.world.receive(to, envelope);
        let meant = self.genuine.get(envelope) == Some(&(1 - to));
        let opened = text(&received).map(str::to_owned);
        if let Some(text) = &opened {
            assert!(meant, "an envelope that nobody sent to {} opened", name(to));
            let from = name(1 - to);
            assert!(
                text.is_empty() || text.starts_with(&format!("{from} says ")),
                "under another name: {text}"
            );
        }
        if !may_change(&received) {
            assert!(
                records(&self.world.people[to]) == before,
                "changed the state: {received:?}"
            );
        }
        assert!(
            !matches!(received, Received::IdentityChanged { .. }),
            "nobody has changed"
        );
        let changed = may_change(&received);
        if let Received::Opened(opened) = received {
            self.post(to, opened.outgoing);
        }
        if changed {
            self.serve(to);
        }
        opened.is_some()
    }

    /// What the protocol itself wants: new prekeys, then handshakes.
    fn serve(&mut self, who: usize) {
        self.world.publish(who, false);
        if !self.world.people[who].wanted().is_empty() {
            let out = self.world.start(who);
            self.post(who, out);
        }
    }

    fn reload(&mut self, who: usize) {
        let before = records(&self.world.people[who]);
        let loaded = Party::load(before.clone()).unwrap();
        assert!(records(&loaded) == before, "a state stores as it was loaded");
        self.world.people[who] = loaded;
        self.world.people[who].set_policy(policy(ADVANCE_AFTER));
    }

    fn restore(&mut self, who: usize) {
        let Some(backup) = self.backups[who].clone() else {
            return;
        };
        // Bringing back a backup takes a while. Within one millisecond its new handshake would be no younger than those that it has
        // forgotten, and the peer would keep to one of them until its messages have gone unacknowledged for a week.
        self.world.wait(Duration::from_secs(1));
        self.world.people[who] = Party::load(backup).unwrap();
        self.world.people[who].set_policy(policy(ADVANCE_AFTER));
        self.world.people[who].restored(self.world.now);
        self.serve(who);
    }

    /// From now on everything arrives, in order, and an hour passes with each round: at its end both hear each other.
    fn come_together(&mut self) {
        let mut heard = [false; 2];
        for _ in 0..FAIR_ROUNDS {
            self.world.wait(Duration::from_secs(3601));
            for who in [0, 1] {
                self.serve(who);
                self.say(who);
            }
            heard = [false; 2];
            while !self.wire.is_empty() {
                let (to, envelope) = self.wire.remove(0);
                heard[to] |= self.receive(to, &envelope);
            }
        }
        assert_eq!(heard, [true; 2], "the two do not hear each other any more");
    }
}
