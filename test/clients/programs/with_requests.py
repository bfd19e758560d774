# Python requests, as a bot uses it. Told what to call in ERRAND; prints what it saw as one line of JSON.

import json
import os

import requests

errand = json.loads(os.environ["ERRAND"])


def seen(response):
    return {
        "status": response.status_code,
        "decision": response.headers.get("X-Weir-Decision"),
        "body": response.json(),
    }


with requests.Session() as session:
    good = session.get(errand["good"], timeout=10)
    signed = errand["signed"]
    posted = session.post(signed["url"], data=signed["body"], headers=signed["headers"], timeout=10)
    refused = session.get(errand["refused"], timeout=10)
    error = ""
    try:
        refused.raise_for_status()
    except requests.RequestException as raised:
        error = type(raised).__name__

print(
    json.dumps(
        {
            "good": seen(good),
            "signed": seen(posted),
            "refused": {
                "error": error,
                "status": refused.status_code,
                "code": refused.headers.get("X-Weir-Error"),
                "retryAfter": refused.headers.get("Retry-After"),
            },
        }
    )
)
