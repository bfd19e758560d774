# A bot that uses a library made for one exchange, named as argument: a public call, a balance, and then too much.
# Prints the balance, and how the library tells that weir refused.

import asyncio
import json
import os
import sys

KEYS = json.loads(os.environ["CREDENTIALS"])
KRAKEN = KEYS["kraken"]["key"], KEYS["kraken"]["secret"]
TOO_MUCH = 40


def with_krakenex():
    import krakenex

    api = krakenex.API(*KRAKEN)
    api.query_public("Time")
    balance = api.query_private("Balance")["result"]
    # It raises nothing: the errors are in the answer.
    errors = (api.query_private("Ledgers")["error"] for _ in range(TOO_MUCH))
    return balance, next(told[0] for told in errors if told)


def with_kraken_sdk():
    from kraken.spot import Market, User

    Market().get_ticker(pair="XBTUSD")
    user = User(*KRAKEN)
    balance = user.get_account_balance()
    return balance, raised(user.get_ledgers_info)


async def with_kraken_sdk_async():
    from kraken.spot import SpotAsyncClient

    client = SpotAsyncClient(*KRAKEN)
    try:
        await client.request("GET", "/0/public/Time", auth=False)
        balance = await client.request("POST", "/0/private/Balance")
        try:
            for _ in range(TOO_MUCH):
                await client.request("POST", "/0/private/Ledgers")
        except Exception as error:
            return balance, type(error).__name__
    finally:
        await client.close()


def with_coinbase_advanced():
    from coinbase.rest import RESTClient

    client = RESTClient(api_key=KEYS["coinbase"]["key"], api_secret=KEYS["coinbase"]["secret"])
    client.get_public_products(limit=1)
    accounts = client.get_accounts()
    return accounts.to_dict(), raised(client.get_unix_time)


def with_coinbase_advanced_websocket():
    from coinbase.websocket import WSClient

    heard = []
    client = WSClient(on_message=heard.append)
    client.open()
    client.subscribe(["BTC-USD"], ["heartbeats"])
    client.sleep_with_exception_check(1)
    client.close()
    # The exchange of the tests sends back what it is told.
    return json.loads(heard[0])["channel"], ""


def raised(call):
    try:
        for _ in range(TOO_MUCH):
            call()
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", "")
        return ("%s %s" % (type(error).__name__, status)).strip()


KITS = {
    "krakenex": with_krakenex,
    "python-kraken-sdk": with_kraken_sdk,
    "python-kraken-sdk, asynchronous": with_kraken_sdk_async,
    "coinbase-advanced-py": with_coinbase_advanced,
    "coinbase-advanced-py, WebSocket": with_coinbase_advanced_websocket,
}

found = KITS[sys.argv[1]]()
result, refusal = asyncio.run(found) if asyncio.iscoroutine(found) else found
print(json.dumps({"result": result, "refusal": refusal}))
