"""Evaluates cases of the client specification with the Unleash SDK for Python: a JSON object a line in, an array a line out.

In: {"fresh": bool, "cases": [{"kind": "enabled" | "variant", "toggleName", "context"}]}. `fresh` asks for a client of its own,
which polls; without it the cases go to one client that streams for as long as the program runs.
"""

import json
import logging
import os
import sys
import tempfile
import threading

from UnleashClient import UnleashClient
from UnleashClient.events import UnleashEventType

# A flag that does not exist, and an operator that does not, are part of the specification.
logging.getLogger("UnleashClient").setLevel(logging.ERROR)


def connect(mode: str) -> UnleashClient:
    ready = threading.Event()
    client = UnleashClient(
        url=os.environ["UNLEASH_URL"] + "/api",
        custom_headers={"Authorization": os.environ["UNLEASH_API_TOKEN"]},
        app_name="specification-python",
        cache_directory=tempfile.mkdtemp(),
        disable_metrics=True,
        disable_registration=True,
        refresh_interval=3600,
        experimental_mode={"type": mode},
        event_callback=lambda event: event.event_type == UnleashEventType.READY and ready.set(),
    )
    client.initialize_client()
    if not ready.wait(timeout=30):
        sys.exit("the SDK did not become ready")
    return client


def evaluate(client: UnleashClient, case: dict):
    if case["kind"] == "enabled":
        return client.is_enabled(case["toggleName"], case["context"])
    variant = client.get_variant(case["toggleName"], case["context"])
    return {key: variant[key] for key in ("name", "enabled", "feature_enabled", "payload") if variant.get(key) is not None}


streaming = connect("streaming")
for line in sys.stdin:
    question = json.loads(line)
    client = connect("polling") if question["fresh"] else streaming
    print(json.dumps([evaluate(client, case) for case in question["cases"]]), flush=True)
    if question["fresh"]:
        client.destroy()
streaming.destroy()
