"""What schemathesis cannot guess: who is signed in, and values that lead past the first refusal.

A part of the requests is sent as it was generated; the rest gets ids, names and capabilities that exist on the relay, so that both what is refused and
what is answered is seen.
"""

import base64
import os
import random
import time
import uuid

import schemathesis

chance = random.Random(20261124)
env = os.environ.get

# Requests out of ten that are left as they were generated.
UNTOUCHED = 4
# A wait for mail costs real time; a longer one says nothing more about the answer.
LONGEST_WAIT = 1


def usually() -> bool:
    return chance.randrange(10) >= UNTOUCHED


@schemathesis.auth()
class SignedIn:
    def get(self, case, context):
        return env("LATCHKEY_TOKEN")

    def set(self, case, data, context):
        # Whoever signs out is signed out: a session that nothing else needs.
        leaving = case.operation.definition.raw.get("operationId") == "sign_out"
        token = env("LATCHKEY_LEAVING_TOKEN") if leaving else data
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def before_call(context, case, **kwargs):
    operation = case.operation.definition.raw.get("operationId")
    body = case.body if isinstance(case.body, dict) else None
    if operation == "inbox" and body is not None:
        wait = body.get("wait_seconds")
        if isinstance(wait, int) and LONGEST_WAIT < wait <= 30:
            body["wait_seconds"] = LONGEST_WAIT if chance.randrange(20) == 0 else 0
        if isinstance(body.get("ack"), dict) and usually():
            body["ack"] = {"incarnation": env("LATCHKEY_INCARNATION"), "sequence": chance.randrange(4)}
    if not usually():
        return
    if operation in ("challenge", "fetch_key"):
        (body if body is not None else case.path_parameters)["user"] = chance.choice([env("LATCHKEY_USER"), "nobody"])
    if operation == "block_account" and body is not None:
        body["user"] = "nobody"
    if operation == "unblock_account" and case.path_parameters is not None:
        case.path_parameters["user"] = "nobody"
    if operation == "send" and case.query is not None:
        case.query["to"] = env("LATCHKEY_USER")
        case.query["id"] = str(uuid.UUID(int=chance.getrandbits(128)))
        if chance.randrange(3) == 0:
            case.headers["Latchkey-Delivery-Token"] = env("LATCHKEY_DELIVERY_TOKEN")
        else:
            case.headers.pop("Latchkey-Delivery-Token", None)
    if operation == "send_limited" and body is not None and isinstance(body.get("license"), dict):
        body["to"], body["id"] = env("LATCHKEY_USER"), str(uuid.UUID(int=chance.getrandbits(128)))
        body["license"]["id"] = env("LATCHKEY_LICENSE")[:32] + f"{chance.getrandbits(128):032x}"
        body["license"]["expires_at"] = int(time.time() * 1000) + 3_600_000
        for field in ("share", "play_capability_hash", "owner_capability_hash"):
            body["license"][field] = base64.b64encode(bytes(32)).decode()
        case.headers.pop("Latchkey-Delivery-Token", None)
    if operation in ("play", "confirm_play", "license") and case.path_parameters is not None:
        case.path_parameters["id"] = env("LATCHKEY_LICENSE")
        if operation == "play" and body is not None:
            body["capability"] = env("LATCHKEY_PLAY_CAPABILITY")
        # A request that was made to lack the header goes on lacking it.
        if operation != "play" and "Latchkey-Capability" in (case.headers or {}):
            which = "LATCHKEY_OWNER_CAPABILITY" if operation == "license" else "LATCHKEY_PLAY_CAPABILITY"
            case.headers["Latchkey-Capability"] = env(which)
