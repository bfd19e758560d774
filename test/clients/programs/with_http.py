# A bot that uses one of Python's HTTP clients, named as argument. Told what to call in its environment; prints what it saw.

import asyncio
import json
import os
import ssl
import sys
import urllib.error
import urllib.request

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SIGNED = {"API-Key": os.environ["API_KEY"], "API-Sign": os.environ["API_SIGN"], **FORM}
ERRANDS = {
    "good": ("GET", os.environ["GOOD"], {}, None),
    "signed": ("POST", os.environ["SIGNED"], SIGNED, os.environ["BODY"].encode()),
    "refused": ("GET", os.environ["REFUSED"], {}, None),
}


def requests(trust_env):
    import requests

    with requests.Session() as session:
        session.trust_env = trust_env
        for name, (method, url, headers, body) in ERRANDS.items():
            answer = session.request(method, url, headers=headers, data=body, timeout=10)
            error = ""
            try:
                answer.raise_for_status()
            except requests.RequestException as raised:
                error = type(raised).__name__
            yield name, answer.status_code, answer.headers, answer.text, error


async def aiohttp(**options):
    import aiohttp

    seen = []
    context = options.pop("context", lambda: None)()
    connector = aiohttp.TCPConnector(ssl=context) if context else None
    async with aiohttp.ClientSession(connector=connector, **options) as session:
        for name, (method, url, headers, body) in ERRANDS.items():
            async with session.request(method, url, headers=headers, data=body) as answer:
                error = ""
                try:
                    answer.raise_for_status()
                except aiohttp.ClientError as raised:
                    error = type(raised).__name__
                seen.append((name, answer.status, answer.headers, await answer.text(), error))
    return seen


def certifi_only():
    import certifi

    return ssl.create_default_context(cafile=certifi.where())


def httpx():
    import httpx

    with httpx.Client(timeout=10) as client:
        for name, (method, url, headers, body) in ERRANDS.items():
            answer = client.request(method, url, headers=headers, content=body)
            error = ""
            try:
                answer.raise_for_status()
            except httpx.HTTPError as raised:
                error = type(raised).__name__
            yield name, answer.status_code, answer.headers, answer.text, error


def urllib_():
    for name, (method, url, headers, body) in ERRANDS.items():
        error = ""
        try:
            answer = urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=10)
        except urllib.error.HTTPError as raised:
            answer, error = raised, type(raised).__name__
        with answer:
            yield name, answer.status, answer.headers, answer.read().decode(), error


CLIENTS = {
    "requests": lambda: requests(True),
    "requests, deaf": lambda: requests(False),
    "aiohttp": lambda: asyncio.run(aiohttp(trust_env=True)),
    "aiohttp, deaf": lambda: asyncio.run(aiohttp()),
    "aiohttp, certifi": lambda: asyncio.run(aiohttp(context=certifi_only)),
    "httpx": httpx,
    "urllib": urllib_,
}

seen = {}
for name, status, headers, text, error in CLIENTS[sys.argv[1]]():
    if name == "refused":
        code, wait = headers.get("X-Weir-Error"), headers.get("Retry-After")
        seen[name] = {"error": error, "status": status, "code": code, "retryAfter": wait}
    else:
        seen[name] = {"status": status, "decision": headers.get("X-Weir-Decision"), "body": json.loads(text)}
print(json.dumps(seen))
