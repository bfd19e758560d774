# A Python bot that knows nothing of weir. Calls an exchange in each of the ways named as arguments; prints, by way, the
# X-Weir-Decision of the answer, or what else is to be seen there.

import asyncio
import json
import os
import socket
import sys

import aiohttp
import requests

TIME = "https://api.exchange.coinbase.com/time"
DECISION = "X-Weir-Decision"


def deaf_session():
    session = requests.Session()
    session.trust_env = False
    return session


def with_prepared():
    session = deaf_session()
    return session.send(session.prepare_request(requests.Request("GET", TIME)), timeout=10).headers[DECISION]


def without_nagle():
    session = deaf_session()
    session.get(TIME, timeout=10)
    (manager,) = session.get_adapter(TIME).proxy_manager.values()
    (key,) = manager.pools.keys()
    connection = manager.pools[key].pool.get()
    return connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


# The exchange under another name and port: nothing to do with weir.
async def elsewhere():
    url = "https://127.0.0.1:%s/time" % os.environ["OTHER_PORT"]
    headers = {"Host": "api.exchange.coinbase.com"}
    first = deaf_session().get(url, headers=headers, verify=os.environ["OTHER_CA"], timeout=10)
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers=headers, ssl=False) as second:
            return [DECISION in first.headers, DECISION in second.headers]


WAYS = {
    "a prepared request": with_prepared,
    "requests without Nagle's algorithm": without_nagle,
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
