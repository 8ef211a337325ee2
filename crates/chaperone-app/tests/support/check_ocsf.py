"""Judges events, one JSON a line, by the schema as its package carries it; says what is wrong, one line each.

Beside the JSON schema it compares the names of classes, categories and activities, which the JSON schema does not hold.
Every event is judged by the version that it says it follows and by a newer one.
"""

import json
import sys
from functools import cache

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

NEWER = "1.8.0"


@cache
def schema(version):
    return get_ocsf_schema(version)


@cache
def class_of(version, uid):
    return next(c for c in schema(version)["classes"].values() if c["uid"] == uid)


@cache
def validator(version, name):
    return Draft202012Validator(OcsfJsonSchemaEmbedded(schema(version)).get_class_schema(name, []))


def wrong(event, version):
    found = class_of(version, event["class_uid"])
    for error in validator(version, found["name"]).iter_errors(event):
        yield f"{'.'.join(map(str, error.path))}: {error.message}"
    activities = found["attributes"]["activity_id"]["enum"]
    statuses = found["attributes"]["status_id"]["enum"]
    severities = found["attributes"]["severity_id"]["enum"]
    expected = {
        "class_name": found["caption"],
        "category_name": found["category_name"],
        "category_uid": found["category_uid"],
        "activity_name": activities.get(str(event["activity_id"]), {}).get("caption"),
        "status": statuses.get(str(event["status_id"]), {}).get("caption"),
        "severity": severities.get(str(event["severity_id"]), {}).get("caption"),
        "type_uid": event["class_uid"] * 100 + event["activity_id"],
    }
    for name, value in expected.items():
        if event[name] != value:
            yield f"{name}: {event[name]!r} and not {value!r}"


for line in sys.stdin:
    event = json.loads(line)
    for version in (event["metadata"]["version"], NEWER):
        judged = {**event, "metadata": {**event["metadata"], "version": version}}
        for what in wrong(judged, version):
            print(version, event["metadata"]["event_code"], what)
