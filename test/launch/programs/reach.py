# A Python bot that knows nothing of weir. Calls an exchange in each of the ways named as arguments; prints, by way, the
# X-Weir-Decision of the answer, or what an echoing WebSocket sent back.

import asyncio
import json
import os
import ssl
import sys
import urllib.request

import aiohttp
import ccxt
import ccxt.async_support
import certifi
import httpx
import requests
import websockets.sync.client

TIME = "https://api.exchange.coinbase.com/time"
ECHO = "wss://ws.kraken.com/v2"
DECISION = "X-Weir-Decision"


def with_urllib():
    with urllib.request.urlopen(TIME, timeout=10) as answer:
        return answer.headers[DECISION]


def deaf_session():
    session = requests.Session()
    session.trust_env = False
    return session


def with_requests():
    return deaf_session().get(TIME, timeout=10).headers[DECISION]


def with_prepared():
    session = deaf_session()
    return session.send(session.prepare_request(requests.Request("GET", TIME)), timeout=10).headers[DECISION]


def with_httpx():
    return httpx.get(TIME, timeout=10).headers[DECISION]


async def with_aiohttp():
    # Neither looks at the environment, nor trusts anyone but certifi.
    context = ssl.create_default_context(cafile=certifi.where())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        async with session.get(TIME) as answer:
            return answer.headers[DECISION]


async def with_aiohttp_websocket():
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(ECHO) as socket:
            await socket.send_str("hello")
            return await socket.receive_str()


def with_websockets():
    with websockets.sync.client.connect(ECHO) as socket:
        socket.send("hello")
        return socket.recv(timeout=10)


def credentials():
    return json.loads(os.environ["KRAKEN"])


def with_ccxt():
    kraken = ccxt.kraken(credentials())
    kraken.fetch_balance()
    return kraken.last_response_headers["X-Weir-Class"]


async def with_ccxt_async():
    kraken = ccxt.async_support.kraken(credentials())
    try:
        await kraken.fetch_balance()
        return kraken.last_response_headers["X-Weir-Class"]
    finally:
        await kraken.close()


# The exchange under another name and port: nothing to do with weir.
async def elsewhere():
    url = "https://127.0.0.1:%s/time" % os.environ["OTHER_PORT"]
    headers = {"Host": "api.exchange.coinbase.com"}
    first = deaf_session().get(url, headers=headers, verify=os.environ["OTHER_CA"], timeout=10)
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers=headers, ssl=False) as second:
            return [DECISION in first.headers, DECISION in second.headers]


WAYS = {
    "urllib": with_urllib,
    "requests without trust_env": with_requests,
    "a prepared request": with_prepared,
    "httpx": with_httpx,
    "aiohttp without trust_env": with_aiohttp,
    "a WebSocket of aiohttp": with_aiohttp_websocket,
    "websockets": with_websockets,
    "ccxt": with_ccxt,
    "ccxt, asynchronous": with_ccxt_async,
    "elsewhere": elsewhere,
}

seen = {}
for way in sys.argv[1:]:
    try:
        found = WAYS[way]()
        seen[way] = asyncio.run(found) if asyncio.iscoroutine(found) else found
    except Exception as error:
        seen[way] = repr(error)
print(json.dumps(seen))
