# An unchanged ccxt bot at Kraken, then one that asks for too much. The first argument says which half of ccxt, the second
# is a dictionary of options in JSON; prints what it saw.

import asyncio
import inspect
import json
import os
import sys

import ccxt
import ccxt.async_support

KEY = json.loads(os.environ["CREDENTIALS"])["kraken"]
module = {"sync": ccxt, "async": ccxt.async_support}[sys.argv[1]]
options = {"apiKey": KEY["key"], "secret": KEY["secret"], "enableRateLimit": False, **json.loads(sys.argv[2])}
TOO_MUCH = 40


async def done(found):
    return await found if inspect.isawaitable(found) else found


async def tour(bot):
    markets = await done(bot.load_markets())
    balance = await done(bot.fetch_balance())
    headers = bot.last_response_headers
    order = await done(bot.create_order("BTC/USD", "limit", "buy", 0.01, 100))
    await done(bot.cancel_order(order["id"], "BTC/USD"))
    served = 0
    refusal = []
    while not refusal and served < TOO_MUCH:
        try:
            await done(bot.fetch_ledger())
            served += 1
        except ccxt.BaseError as error:
            refusal = [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, ccxt.BaseError)]
    return {
        "markets": len(markets),
        "btc": balance["BTC"]["free"],
        "balance": {"class": headers.get("X-Weir-Class"), "decision": headers.get("X-Weir-Decision")},
        "ordered": isinstance(order["id"], str),
        "served": served,
        "refusal": refusal,
    }


async def main():
    bot = module.kraken(options)
    try:
        return await tour(bot)
    finally:
        if module is ccxt.async_support:
            await bot.close()


print(json.dumps(asyncio.run(main())))
