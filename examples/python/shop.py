"""Prints which checkout callers get, and again whenever that changes: with the Unleash SDK for Python."""

import os
import signal
import sys
import threading
import uuid

from UnleashClient import UnleashClient
from UnleashClient.events import UnleashEventType

FLAG = "new-checkout"

# Who asks. `userId`, `sessionId` and `remoteAddress` are Unleash's own fields; constraints name the others as they are.
CALLERS = {
    "alice": {"userId": "alice", "properties": {"plan": "gold", "tenantId": "acme", "role": "admin", "region": "eu"}},
    "bob": {"userId": "bob", "properties": {"plan": "lead", "tenantId": "acme", "role": "user", "region": "eu"}},
}


def checkout(unleash: UnleashClient, context: dict) -> str:
    if not unleash.is_enabled(FLAG, context):
        return "off"
    return f"on, {unleash.get_variant(FLAG, context)['name']}"


def main() -> None:
    ready = threading.Event()
    client = UnleashClient(
        url=required("UNLEASH_URL").rstrip("/") + "/api",
        custom_headers={"Authorization": required("UNLEASH_API_TOKEN")},
        app_name=os.environ.get("UNLEASH_APP_NAME", "shop-python"),
        instance_id=f"{os.uname().nodename}-{uuid.uuid4()}",
        refresh_interval=int(os.environ.get("UNLEASH_REFRESH_SECONDS", "15")),
        metrics_interval=int(os.environ.get("UNLEASH_METRICS_SECONDS", "60")),
        # Pushed, unless UNLEASH_MODE says to poll. This SDK stays with its choice: it does not fall back by itself.
        experimental_mode={"type": os.environ.get("UNLEASH_MODE", "streaming")},
        event_callback=lambda event: event.event_type == UnleashEventType.READY and ready.set(),
    )

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with client:  # at the end it sends what it has counted
        ready.wait(timeout=10)  # until then every flag is off, unless an earlier run has left a cache
        printed: dict = {}
        while not stopped.is_set():
            # A service would ask when a request comes. The SDK has no event for pushed changes, so this looks again.
            for name, context in CALLERS.items():
                answer = checkout(client, context)
                if printed.get(name) != answer:
                    printed[name] = answer
                    print(f"{name}: {FLAG} is {answer}", flush=True)
            stopped.wait(0.1)


def required(name: str) -> str:
    return os.environ.get(name) or sys.exit(f"set the environment variable {name}")


if __name__ == "__main__":
    main()
