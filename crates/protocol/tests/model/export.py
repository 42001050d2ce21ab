"""Writes what the executable model of the session layer does, step by step, for the Rust party to do the same.

    python3 export.py MODEL_DIRECTORY > ../vectors/model.jsonl

MODEL_DIRECTORY holds the model (`model.py`) and its driver (`drive.py`). One JSON object a line:

    {"net": {...}}            a new network: names and policy
    {"op": ..., "now": ...}   what the driver did, which envelopes came of it, and how the party stands afterwards

Sessions and envelopes are numbered in the order of their making. Two sessions dated alike are ordered by their random ids, so `sessions` lists
each new session with its date and id; whoever replays draws again until the order is the same.
"""
import json, sys

SEEDS = {"calm": range(0, 4), "random": range(100, 116), "three": range(200, 204)}
STEPS = 160

sys.path.insert(0, sys.argv[1])
import drive, model  # noqa: E402

lines = []


class Keys(dict):
    """One-time private keys that tell when they are lost."""

    owner = None

    def clear(self):
        super().clear()
        if Scribe.net:
            Scribe.net.note({"op": "forget", "who": self.owner})


class Scribe(model.Party):
    """A party that notes what the driver does to it, not what it does itself."""

    net, depth = None, 0

    def __init__(self, world, address):
        super().__init__(world, address)
        keys = Keys(self.s["opk"])
        keys.owner = address
        self.s["opk"] = keys

    def quiet(self, call, *args, **more):
        Scribe.depth += 1
        try:
            return call(*args, **more)
        finally:
            Scribe.depth -= 1

    def outermost(self, op, call, *args, **more):
        top = Scribe.depth == 0
        result = self.quiet(call, *args, **more)
        if top and Scribe.net:
            Scribe.net.note({"op": op, "who": self.addr, **{"peer": a for a in args[:1] if a in ("A", "B", "C")}})
        return result

    def renew(self, peer):
        return self.outermost("renew", super().renew, peer)

    def publish(self, opks=4):
        return self.outermost("publish", super().publish, opks)

    def tick(self):
        return self.outermost("tick", super().tick)

    def recv(self, env):
        return self.quiet(super().recv, env)

    def restore(self, blob):
        return self.quiet(super().restore, blob)

    def send(self, peer, body, cid=None, on=None):
        top = Scribe.depth == 0
        result = self.quiet(super().send, peer, body, cid, on)
        if top:
            Scribe.net.note({"op": "send", "who": self.addr, "peer": peer, "empty": not body})
        return result


class Snapshots(dict):
    def __setitem__(self, who, blob):
        super().__setitem__(who, blob)
        Scribe.net.note({"op": "snapshot", "who": who})


class Told(drive.Net):
    def __init__(self, seed, rules, policy, names):
        Scribe.net, Scribe.depth = None, 0
        super().__init__(seed, rules, policy, names, strict=False)
        self.snaps = Snapshots()
        self.envelopes, self.sessions = {}, {}
        Scribe.net = self
        lines.append({"net": {"names": names, "policy": policy, "seed": seed}})

    def note(self, line):
        who = line["who"]
        party = self.p[who]
        made = []
        for _, env in party.s["outbox"]:
            if env[1] not in self.envelopes:
                self.envelopes[env[1]] = len(self.envelopes)
                sid, _, e, n = self.w.meta[env[1]]
                made.append([self.envelopes[env[1]], env[0], self.session(sid, party), e, n])
        line |= {"now": self.w.now, "made": made}
        state = self.state(party)
        if line["op"] != "send":  # what a sending changes shows in what it made
            line["state"] = state
        if self.fresh:
            line["sessions"], self.fresh = self.fresh, []
        lines.append(line)

    fresh = []

    def session(self, sid, party):
        if sid not in self.sessions:
            s = party.s["sessions"][sid]
            self.sessions[sid] = len(self.sessions)
            self.fresh = self.fresh + [[self.sessions[sid], s.created_at, sid.hex(), s.me, s.peer]]
        return self.sessions[sid]

    def state(self, party):
        """Where every session stands, and which one sends to whom."""
        sessions = sorted(
            [self.session(s.id, party), s.e, s.send.n, s.heard, sorted([f, c.n] for f, c in s.recv.items()), len(s.skipped),
             s.status, list(s.acked)]
            for s in party.s["sessions"].values())
        current = {p: self.session(s.id, party) for p in self.p if p != party.addr and (s := party.current(p))}
        return {"sessions": sessions, "current": current,
                "pending": {p: len(v) for p, v in sorted(party.s["pending"].items()) if v}, "shown": len(party.s["inbox"])}

    def flush(self, who):
        if self.p[who].s["outbox"] and Scribe.depth == 0:
            lines.append({"op": "flush", "who": who, "now": self.w.now})
        super().flush(who)

    def give(self, who, env, sender="?", clean=True):
        known = self.envelopes.get(env[1])
        genuine = known is not None and any(env is x or env == x for x in self.seen(env))
        try:
            verdict = self.p[who].recv(env)
        except (TypeError, ValueError):  # an altered type: the model has no decoder to refuse it
            verdict = "Malformed"
        self.w.count[verdict] += 1
        self.note({"op": "give", "who": who, "envelope": known if genuine else None, "verdict": verdict})
        if verdict in ("Opened", "OneTimeKeyGone", "Forked") and self.rng.random() < .9:
            self.flush(who)
        return verdict

    def seen(self, env):
        return [e for _, _, e in self.wire] + [e for e in self.genuine.get(env[1], [])]

    genuine = {}

    def deliver(self, i=0, keep=False):
        env = self.wire[i][2]
        Told.genuine = {env[1]: [env]}
        return super().deliver(i, keep)

    def restore(self, who):
        had = who in self.snaps
        super().restore(who)
        if had:
            self.note({"op": "restore", "who": who})


drive.Party = Scribe
for kind, seeds in SEEDS.items():
    for seed in seeds:
        net = Told(seed, model.MENDED, (1, 3, 20)[seed % 3], "ABC" if kind == "three" else "AB")
        net.chaos(STEPS, kind != "calm")
        assert net.settle() == [], (kind, seed)
for line in lines:
    print(json.dumps(line, separators=(",", ":")))
