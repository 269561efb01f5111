"""openapi.yaml as a judge: every answer of the API that any test gets is held against it (watch), and which calls were answered
with which status is remembered (seen)."""
import json
import re
import subprocess
import urllib.parse
from pathlib import Path

import jsonschema
import yaml

from processes import BUILD, TOP

SPEC = yaml.safe_load((TOP / "openapi.yaml").read_text())
METHODS = ("get", "post", "put", "patch", "delete")
seen = set()  # (METHOD, template, status)


def closed(schema):
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [closed(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {k: closed(v) for k, v in schema.items()}
    if schema.pop("nullable", False):
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


COMPONENTS = closed(SPEC["components"])
RESOLVER = jsonschema.RefResolver("", {"components": COMPONENTS})


def is_agents(operation):
    return "x-listener" in operation


def operations():
    """(METHOD, template, operation), those of the agents' protocol as well."""
    for template, item in SPEC["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), template, item[method]


def routes():
    """What the program has: {(METHOD, template): set of words (permission first)}."""
    listed = subprocess.run([next(BUILD.rglob("list-routes"))], capture_output=True, text=True, check=True).stdout
    return {tuple(line.split()[:2]): line.split()[2:] for line in listed.splitlines()}


PATTERNS = [(method, template, operation, re.compile("^" + re.sub(r"\{\w+\}", "[^/]+", template) + "$"))
            for method, template, operation in operations()]
PATTERNS.sort(key=lambda p: p[1].count("{"))


def find(method, path):
    path = urllib.parse.unquote(path)
    return next(((template, operation) for m, template, operation, pattern in PATTERNS if m == method and pattern.match(path)), (None, None))


def resolved(part):
    return COMPONENTS["responses"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else closed(part)


def judge(method, path, status, content_type, body):
    """Raises AssertionError when the answer is not what openapi.yaml promises."""
    template, operation = find(method, path)
    if operation is None:
        assert status in (401, 404, 405), f"{method} {path} is not in openapi.yaml and answered {status}"
        responses = {"default": {"$ref": "#/components/responses/Error"}}
    else:
        seen.add((method, template, status))
        responses = operation["responses"]
    assert str(status) in responses or (status >= 400 and "default" in responses), f"{method} {template}: {status} is not promised"
    promised = resolved(responses.get(str(status), responses.get("default"))).get("content", {})
    if not promised:
        assert not body, f"{method} {template}: {status} has a body"
        return
    kind = content_type.split(";")[0].strip()
    assert kind in promised, f"{method} {template}: {status} is {kind}"
    if kind == "application/json":
        check_json(promised[kind]["schema"], json.loads(body), f"{method} {template} {status}")


def check_json(schema, value, what):
    try:
        jsonschema.Draft7Validator(schema, resolver=RESOLVER).validate(value)
    except jsonschema.ValidationError as problem:
        raise AssertionError(f"{what}: {problem.message} at {list(problem.absolute_path)}") from None


def watch(api_class):
    call = api_class.call

    def watched(self, method, path, *args, **more):
        response = call(self, method, path, *args, **more)
        judge(method, urllib.parse.urlsplit(response.request.path_url).path, response.status_code,
              response.headers.get("Content-Type", ""), response.content)
        return response

    api_class.call = watched
