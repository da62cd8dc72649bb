"""What requests made from the OpenAPI document do not find by themselves: things that are there, and archives."""

import io
import random
import tarfile

import schemathesis

THERE = {"containers": "there", "images": "localhost/cove-test:latest", "pods": "there-pod"}
# What the engine cannot do is no fault of the service; all else above 500 is.
OF_KIND = {
    "CommandNotFound": 500,
    "CommandNotExecutable": 500,
    "Unsupported": 501,
    "Unavailable": 503,
    "Timeout": 504,
}
# What is waited for, and so often is tried, as long as was asked.
PATIENCE = {"timeout", "t", "retry"}
chance = random.Random(7)


@schemathesis.hook
def before_call(context, case, kwargs):
    kind = case.operation.path.strip("/").split("/")[0]
    # What is there stays there: the next request wants it too.
    removes = case.method.upper() == "DELETE" or case.operation.path.endswith(("/rename", "/untag"))
    if case.path_parameters and "name" in case.path_parameters and not removes and chance.random() < 0.7:
        case.path_parameters["name"] = THERE.get(kind, "there")
    for key, value in (case.query or {}).items():
        if key in PATIENCE and str(value).isdecimal():
            case.query[key] = min(int(value), 2)


@schemathesis.serializer("application/x-tar")
def archive(context, value):
    """Archives, whole and broken off, and what is none."""
    if chance.random() < 0.3:
        return str(value).encode("utf-8", "replace")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ["Dockerfile", "manifest.json", "../up", "sub/file"]:
            text = str(value).encode("utf-8", "replace")[:10_000]
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    whole = out.getvalue()
    return whole if chance.random() < 0.5 else whole[: chance.randrange(len(whole))]


@schemathesis.check
def errors_say_why(context, response, case):
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    error = response.json()
    assert error["cause"] and error["message"] and error["response"] == response.status_code, error
    if response.status_code >= 500:
        assert OF_KIND.get(error["kind"]) == response.status_code, error
