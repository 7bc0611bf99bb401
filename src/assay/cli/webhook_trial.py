"""`assay feed test` of webhooks: how an event is sent, with a signature of a test body; nothing is written."""

from __future__ import annotations

import json
import secrets
import shlex

from rich.markup import escape

from assay.base import clock
from assay.cli.console import err, out
from assay.connectors.webhook.signature import keys_of, sign_github, sign_standard
from assay.contract.contract import Contract
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.contract.pointer import pointer_keys

ADDRESS = "http://127.0.0.1:8765"
"""Of `assay serve` without options."""
_HOW = {
    "standard": "webhook-signature: v1,base64(HMAC-SHA256(key, 'ID.TIMESTAMP.BODY')), the key is the secret after "
    "whsec_, from base64; standardwebhooks.com",
    "github": "X-Hub-Signature-256: sha256=hex(HMAC-SHA256(secret, BODY))",
    "none": "not at all",
}


def show(feed: WebhookFeed, contract: Contract) -> None:
    """Print the address of a feed, how events are signed, and a command that sends one.

    Raises:
        Permanent: A secret is not there, or is not one.
    """
    keys = keys_of(feed)
    delivery = f"test-{secrets.token_hex(8)}"
    body, headers = _test_event(feed, delivery)
    if feed.signature == "standard":
        at = str(int(clock.now().timestamp()))
        signature = sign_standard(keys[0], delivery, at, body.encode())
        headers |= {"webhook-id": delivery, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}
    if feed.signature == "github":
        headers["X-Hub-Signature-256"] = f"sha256={sign_github(keys[0], body.encode())}"
    if feed.signature == "none":
        err.print("[yellow]not signed: whoever reaches the port may send; it is served on this machine alone[/]")
    out.print(f"address    {ADDRESS}{feed.path} (as `assay serve` has it; senders outside need a proxy with TLS)")
    out.print(escape(f"signed     {_HOW[feed.signature]}"), soft_wrap=True)
    out.print(f"id         {escape(feed.id)}; repetitions are known for {feed.remember / 86_400:.3g} days")
    if problem := key_problem(feed, contract):
        err.print(f"[yellow]{escape(problem)}[/]", soft_wrap=True, highlight=False)
    command = ["curl", "-i", *(word for name, value in headers.items() for word in ("-H", f"{name}: {value}"))]
    out.print("\nThis sends an event to a server that runs; it lands like any other:")
    command += ["--data-binary", body, f"{ADDRESS}{feed.path}"]
    out.print(escape(shlex.join(command)), soft_wrap=True, highlight=False)


def key_problem(feed: WebhookFeed, contract: Contract) -> str:
    """What is wrong with the key of a contract whose source is sent, perhaps twice; empty for nothing."""
    ways = {("id",)} | ({("body", *pointer_keys(feed.id))} if feed.id.startswith("/") else set())
    if ways & {contract.origins[name] for name in contract.key}:
        return ""
    return (
        f"the primary key ({', '.join(contract.key) or 'none'}) is not the delivery's id; unless it is the same, "
        "let it be a column with `path: /id`: a repetition is known by it"
    )


def _test_event(feed: WebhookFeed, delivery: str) -> tuple[str, dict[str, str]]:
    """A body, and the headers that are not about signatures."""
    headers = {"content-type": "application/json"}
    if not feed.id.startswith("/"):
        return '{"test":true}', headers if feed.signature == "standard" else {**headers, feed.id: delivery}
    value: object = delivery
    for key in reversed(pointer_keys(feed.id)):
        value = {key: value}
    return json.dumps(value, separators=(",", ":")), headers
