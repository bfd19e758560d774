# freqtrade itself, with a strategy that buys at once: `freqtrade trade` at Kraken, not dry. When it has an order, another bot of
# the same key spends what is left of the budget, and when freqtrade has been told, it is stopped. Prints what it said.

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

import ccxt

KEY = json.loads(os.environ["CREDENTIALS"])["kraken"]
PATIENCE_S = 80
TOO_MUCH = 40
CONFIG = {
    "initial_state": "running",
    "dry_run": False,
    "max_open_trades": 1,
    "stake_currency": "USD",
    "stake_amount": 100,
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exchange": {"name": "kraken", "key": KEY["key"], "secret": KEY["secret"], "pair_whitelist": ["BTC/USD"]},
    "pairlists": [{"method": "StaticPairList"}],
    "internals": {"process_throttle_secs": 1},
}
STRATEGY = """
from freqtrade.strategy import IStrategy


class Eager(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 10}
    stoploss = -0.5
    startup_candle_count = 5

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


def spend():
    bot = ccxt.kraken({"apiKey": KEY["key"], "secret": KEY["secret"], "enableRateLimit": False})
    for _ in range(TOO_MUCH):
        try:
            bot.fetch_ledger()
        except ccxt.DDoSProtection:
            return


def trade(home):
    (home / "user_data/strategies").mkdir(parents=True)
    (home / "user_data/strategies/eager.py").write_text(STRATEGY)
    (home / "config.json").write_text(json.dumps(CONFIG))
    words = ["-m", "freqtrade", "trade", "--config", "config.json", "--userdir", "user_data", "--strategy", "Eager"]
    bot = subprocess.Popen(
        [sys.executable, *words], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    late = threading.Timer(PATIENCE_S, bot.kill)
    late.start()
    seen = {"ordered": False, "found": False, "backsOff": False}
    for line in bot.stdout:
        sys.stderr.write(line)
        if "was created for BTC/USD and status is open" in line:
            seen["ordered"] = True
        elif "Found open order" in line and not seen["found"]:
            seen["found"] = True
            spend()
        elif "Applying DDosProtection backoff delay" in line and not seen["backsOff"]:
            seen["backsOff"] = True
            bot.send_signal(signal.SIGINT)
    bot.wait()
    late.cancel()
    return seen


with tempfile.TemporaryDirectory() as folder:
    print(json.dumps(trade(pathlib.Path(folder))))
