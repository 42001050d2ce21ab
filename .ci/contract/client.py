"""A client that somebody else's generator made of openapi.yaml talks to a relay: answers are what the contract calls them, and so are errors.

Run by .ci/contract/lint, beside a relay with somebody signed in.
"""

import os
import sys

from latchkey_relay_client import AuthenticatedClient, Client
from latchkey_relay_client.api.accounts import challenge, sign_in
from latchkey_relay_client.api.keys import fetch_key
from latchkey_relay_client.api.messages import inbox
from latchkey_relay_client.api.relay import status
from latchkey_relay_client.models import ChallengeRequest, InboxPage, InboxRequest, Problem, ProblemCode, SignInRequest, Status

url, user = os.environ["LATCHKEY_URL"], os.environ["LATCHKEY_USER"]
stranger = Client(base_url=url)
owner = AuthenticatedClient(base_url=url, token=os.environ["LATCHKEY_TOKEN"])
impostor = AuthenticatedClient(base_url=url, token="x")
failures = []


def expect(what, condition, answer):
    if not condition:
        failures.append(f"{what}: {answer!r}")


def problem(what, answer, http_status, code):
    """An error is a Problem, whole, with its code as a value of the enumeration."""
    parsed = answer.parsed
    good = (
        isinstance(parsed, Problem)
        and int(answer.status_code) == http_status == parsed.status
        and isinstance(parsed.code, ProblemCode)
        and parsed.code == ProblemCode(code)
        and parsed.type_ == f"urn:latchkey:problem:{code}"
        and all(isinstance(text, str) and text for text in (parsed.title, parsed.detail, parsed.action, parsed.request_id))
    )
    expect(what, good, parsed or answer)


answer = status.sync_detailed(client=stranger)
expect("status", isinstance(answer.parsed, Status), answer)
answer = inbox.sync_detailed(client=owner, body=InboxRequest(limit=1))
expect("inbox", isinstance(answer.parsed, InboxPage) and len(answer.parsed.envelopes) == 1, answer)

problem("a bad name", challenge.sync_detailed(client=stranger, body=ChallengeRequest(user="Not A Name")), 400, "bad_name")
problem("a wrong token", inbox.sync_detailed(client=impostor, body=InboxRequest()), 401, "unauthorized")
problem("nobody", fetch_key.sync_detailed(client=owner, user="nobody"), 404, "no_such_user")
nothing = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
proof = SignInRequest(
    user=user, origin="https://middle.example", server_nonce=nothing, client_nonce=nothing, expires_at=0, signature=nothing
)
problem("another origin", sign_in.sync_detailed(client=stranger, body=proof), 400, "bad_request")

for failure in failures:
    print(f"not as the contract says: {failure}", file=sys.stderr)
if failures:
    sys.exit(1)
print("a generated Python client parses answers, and errors as Problem")
