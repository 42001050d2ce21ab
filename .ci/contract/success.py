"""Has a running relay answer every operation of openapi.yaml with success, and holds each request and each answer to the contract.

What schemathesis generates reaches few successes, since most need a signature, a key or a license: server/examples/signed_in prepares a request for each
operation. An operation without one is a failure here, and so is one that was never answered with 2xx.

Run by .ci/contract/check, beside a relay with somebody signed in.
"""

import json
import os
import sys
from pathlib import Path

import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]
# A gate key of 23 MB is checked before it is answered.
PATIENCE_SECONDS = 60


def strays(operation, request, body):
    """What of a request the contract does not allow. Whoever knows a relay by its contract alone has to be able to send it."""
    for where, declared in (("path", operation.path_parameters), ("query", operation.query), ("headers", operation.headers)):
        given = dict(request.get(where, {}))
        for parameter in declared:
            if parameter.name in given and not parameter.is_valid(given.pop(parameter.name)):
                yield f"{parameter.name} is not as the contract says"
        for name in given:
            yield f"the contract has no {name} in {where}"
    for declared in operation.body:
        if isinstance(body, dict) and not declared.is_valid(body):
            yield f"the body is not as the contract says: {'; '.join(error.message for error in declared.get_validator().iter_errors(body))}"


def main():
    url, prepared = os.environ["LATCHKEY_URL"], Path(os.environ["LATCHKEY_REQUESTS"])
    schema = schemathesis.openapi.from_path(sys.argv[1])
    operations = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        operations[operation.definition.raw["operationId"]] = operation
    session = requests.Session()
    session.trust_env = False
    failures, succeeded, sent = [], set(), 0

    for request in json.loads(prepared.read_text()):
        name = request["operation"]
        operation = operations.get(name)
        if operation is None:
            failures.append(f"{name}: a request is prepared for it, and the contract does not name it")
            continue
        headers = dict(request.get("headers", {}))
        if "token" in request:
            headers["Authorization"] = f"Bearer {request['token']}"
        body = request.get("body")
        if "file" in request:
            body = (prepared.parent / request["file"]).read_bytes()
        failures += [f"{name}: {stray}" for stray in strays(operation, request, body)]
        case = operation.Case(path_parameters=request.get("path"), query=request.get("query"), headers=headers, **({} if body is None else {"body": body}))
        sent += 1
        answer = case.call(base_url=url, session=session, timeout=PATIENCE_SECONDS)
        if 200 <= answer.status_code < 300:
            succeeded.add(name)
        else:
            failures.append(f"{name}: {answer.status_code} {answer.content.decode(errors='replace')[:600]}")
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                failures.append(f"{name}: {failure.title}: {failure.message}")

    for failure in failures:
        print(f"FAILED {failure}")
    missing = sorted(operations.keys() - succeeded)
    if missing:
        print(f"never answered with success (a request for each belongs in server/examples/signed_in/requests.rs): {', '.join(missing)}")
    print(f"{sent} prepared requests, {len(succeeded)} of {len(operations)} operations answered with success; failures: {len(failures)}")
    sys.exit(1 if failures or missing or not operations else 0)


main()
