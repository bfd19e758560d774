# Python aiohttp, as a bot uses it. Told what to call in ERRAND; prints what it saw as one line of JSON.

import asyncio
import json
import os

import aiohttp

errand = json.loads(os.environ["ERRAND"])


async def seen(response):
    return {
        "status": response.status,
        "decision": response.headers.get("X-Weir-Decision"),
        "body": await response.json(content_type=None),
    }


async def main():
    # Without trust_env aiohttp does not look at HTTPS_PROXY.
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.get(errand["good"]) as response:
            good = await seen(response)
        signed = errand["signed"]
        async with session.post(signed["url"], data=signed["body"], headers=signed["headers"]) as response:
            posted = await seen(response)
        async with session.get(errand["refused"]) as response:
            refused = {
                "error": "",
                "status": response.status,
                "code": response.headers.get("X-Weir-Error"),
                "retryAfter": response.headers.get("Retry-After"),
            }
            try:
                response.raise_for_status()
            except aiohttp.ClientError as raised:
                refused["error"] = type(raised).__name__
    print(json.dumps({"good": good, "signed": posted, "refused": refused}))


asyncio.run(main())
