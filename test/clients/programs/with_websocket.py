# A bot that uses one of Python's WebSocket clients, named as argument; prints what an echo sent back.

import asyncio
import os
import ssl
import sys

URL = os.environ["ECHO"]
TEXT = "hello"


async def with_websockets():
    import websockets

    async with websockets.connect(URL) as socket:
        await socket.send(TEXT)
        return await asyncio.wait_for(socket.recv(), 10)


def with_websockets_sync():
    import websockets.sync.client

    with websockets.sync.client.connect(URL) as socket:
        socket.send(TEXT)
        return socket.recv(timeout=10)


def with_websocket_client():
    import websocket

    socket = websocket.create_connection(URL, timeout=10)
    socket.send(TEXT)
    text = socket.recv()
    socket.close()
    return text


async def with_aiohttp():
    import aiohttp

    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(URL) as socket:
            await socket.send_str(TEXT)
            return await socket.receive_str(timeout=10)


CLIENTS = {
    "websockets": with_websockets,
    "websockets, synchronous": with_websockets_sync,
    "websocket-client": with_websocket_client,
    "aiohttp": with_aiohttp,
}

found = CLIENTS[sys.argv[1]]()
print(asyncio.run(found) if asyncio.iscoroutine(found) else found, end="")
