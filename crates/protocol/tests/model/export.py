"""Writes what the executable model of the session layer does, step by step, for the Rust party to do the same.

    python3 export.py MODEL_DIRECTORY > ../vectors/model.jsonl

MODEL_DIRECTORY holds the model (`model.py`) and its driver (`drive.py`). One JSON object a line:

    {"net": {...}}            a new network: names and policy
    {"op": ..., "now": ...}   what the driver did, which envelopes came of it, and how the party stands afterwards

Sessions and envelopes are numbered in the order of their making. Two sessions dated alike are ordered by their random ids, so `sessions` lists
each new session with its date and id; whoever replays draws again until the order is the same.
"""
import json, sys

SEEDS = {"calm": range(0, 4), "random": range(100, 122), "three": range(200, 204)}
STEPS = 60

sys.path.insert(0, sys.argv[1])
import drive, model  # noqa: E402

lines = []

# --- selective acknowledgements: the model was made before them -------------------------------------------------------------------------------
HOLES, REPEATS = 32, 64


class Ack(tuple):
    """Epoch and count, and what never came before that: (epoch, first, end, told), each `told` where one of our messages named it first."""

    holes = ()


def acknowledgement(session):
    ack = Ack((0, 0) if session.heard < 0 else (session.heard, session.recv[session.heard].n if session.heard in session.recv else 0))
    ack.holes = holes_of(session)
    return ack


def holes_of(session):
    return getattr(session, "holes", ())


def join(holes, apart):
    out = []
    for epoch, first, end, told in sorted(holes, key=lambda hole: hole[:2]):
        if out and out[-1][0] == epoch and out[-1][2] + apart >= first:
            out[-1] = (epoch, out[-1][1], max(out[-1][2], end), None)
        else:
            out.append((epoch, first, end, told))
    return out


def add(holes, epoch, first, end):
    holes = join([*holes, (epoch, first, end, None)], 0)
    while len(holes) > HOLES:
        gaps = [b[1] - a[2] for a, b in zip(holes, holes[1:]) if a[0] == b[0]]
        holes = join(holes, min(gaps)) if gaps else holes[1:]
    return holes


def came(holes, epoch, n):
    out = []
    for hole in holes:
        if hole[0] == epoch and hole[1] <= n < hole[2]:
            out += [(epoch, a, b, hole[3]) for a, b in ((hole[1], n), (n + 1, hole[2])) if a < b]
        else:
            out.append(hole)
    return out if len(out) <= HOLES else list(holes)


def misses(ack, place):
    return any((hole[0], hole[1]) <= place < (hole[0], hole[2]) for hole in ack.holes)


def ranges(numbers):
    """Consecutive numbers as (first, end)."""
    out = []
    for n in sorted(numbers):
        if out and out[-1][1] == n:
            out[-1] = (out[-1][0], n + 1)
        else:
            out.append((n, n + 1))
    return out


model.Session.ack = acknowledgement


class Selective(model.Party):
    """The model's party, which also names what never came and says it again."""

    def encrypt(self, session, cid, body):
        session, envelope, e, n = super().encrypt(session, cid, body)
        session.holes = tuple((*hole[:3], (e, n)) if hole[3] is None else hole for hole in holes_of(session))
        return session, envelope, e, n

    def commit(self, session, epoch, n, got, new, mark, gaps):
        ack, w = got[2], self.w
        holes = came(holes_of(session), epoch, n)
        # In the order in which they are found: the chain itself, then older ones as they close.
        for e in sorted({gap[2] for gap in gaps}, key=lambda e: (e != epoch, e)):
            for first, end in ranges(gap[3] for gap in gaps if gap[2] == e):
                holes = add(holes, e, first, end)
        if ack[1]:
            last = (ack[0], ack[1] - 1)
            holes = [hole for hole in holes if hole[3] is None or hole[3] > last]
        session.holes = tuple(holes)
        peer, before = session.peer, self.s["pending"][session.peer]
        was = self.current(peer)
        # What never came is kept from being settled with the rest, and has no place any more.
        lost = [i for i, p in enumerate(before) if p[2] == session.id and p[3] is not None and misses(ack, (p[3], p[4]))]
        beyond = session.status == "Active" and (
            ack[0] > session.e or ack[0] == session.e and ack[1] > session.send.n or ack[0] == session.e - 1 and ack[1] > session.cnt1)
        if not beyond:
            for i in lost:
                before[i] = (*before[i][:3], None, None, before[i][5])
        # Those have no place that could be compared: the model settles what has one.
        placeless = [p for p in before if p[3] is None]
        order = {p[0]: i for i, p in enumerate(before)}
        self.s["pending"][peer] = [p for p in before if p[3] is not None]
        self.held = placeless, order
        super().commit(session, epoch, n, got, new, mark, gaps)
        self.release(peer)
        now = self.current(peer)
        if lost and not beyond and now and was and now.id == was.id:
            self.moved(peer)

    held = None

    def release(self, peer):
        if self.held:
            (placeless, order), self.held = self.held, None
            self.s["pending"][peer] = sorted(self.s["pending"][peer] + placeless, key=lambda p: order.get(p[0], len(order)))

    def moved(self, peer, force=False):
        self.release(peer)
        session, pending = self.current(peer), self.s["pending"][peer]
        repeats = self.s.setdefault("repeats", {})
        if not session:
            return
        for i, (cid, body, on, e, n, _) in enumerate(list(pending)):
            known, times = repeats.get(cid, (on, 0))
            times = times if known == on else 0
            if on != session.id or e is None and times < REPEATS:
                self.w.count["resent"] += 1
                self.send(peer, body, cid)
                pending[i] = pending.pop()
                repeats[cid] = (session.id, times + 1 if on == session.id else 0)

    def tick(self):
        for peer, items in list(self.s["pending"].items()):
            if items and self.w.now - min(p[5] for p in items) >= 7 * model.DAY:
                self.w.count["stale renewal"] += 1
                self.renew(peer)


class Keys(dict):
    """One-time private keys that tell when they are lost."""

    owner = None

    def clear(self):
        super().clear()
        if Scribe.net:
            Scribe.net.note({"op": "forget", "who": self.owner})


class Scribe(Selective):
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
        """Where every session stands, and which one sends to whom. The model gives an initiator a chain of epoch 0 that no one may send on; we give it none."""
        sessions = sorted(
            [self.session(s.id, party), s.e, s.send.n, s.heard, sorted([f, c.n] for f, c in s.recv.items() if f or s.role == "R"), len(s.skipped),
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
