"""A feed of webhooks: what senders post to `assay serve`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from assay.contract.errors import ContractError
from assay.contract.feed import FeedDeclaration, batches_of

Signature = Literal["standard", "github", "none"]


@dataclass(frozen=True, kw_only=True)
class WebhookFeed(FeedDeclaration):
    """Events that senders post to a path.

    Attributes:
        path: Where they are posted to.
        signature: How they are signed: by Standard Webhooks, as GitHub does it, or not at all.
        secrets: References to the keys, of which any may have signed.
        id: Where the id of a delivery is: the name of a header, or a JSON pointer into the body.
        headers: Names of headers that are kept of each event, in lower case.
        tolerance: Seconds by which the timestamp of a signature may differ from the clock.
        max_bytes: Of a body.
        remember: Seconds for which deliveries are known, at least; a sender that repeats later is not recognised here.
        reserve: Bytes of the disk that stay free.
        backlog: Bytes that landed and are not loaded, beyond which nothing is taken.
    """

    is_fetched: ClassVar[bool] = False

    path: str
    signature: Signature
    secrets: tuple[str, ...] = ()
    id: str
    headers: tuple[str, ...] = ()
    tolerance: float = 300.0
    max_bytes: int = 1_000_000
    remember: float = 259_200.0
    reserve: int = 1_000_000_000
    backlog: int = 10_000_000_000

    @property
    def where(self) -> str:
        """The path on which `assay serve` takes it."""
        return f"assay serve, POST {self.path}"

    @property
    def what(self) -> str:
        """How it is signed, and by what a repetition is seen."""
        signed = "NOT SIGNED: whoever reaches the port may send" if self.signature == "none" else self.signature
        return f"{signed}, id {self.id}"

    def completed(self, block: Any) -> dict[str, Any]:
        """See `FeedDeclaration`."""
        from assay.contract.yml_feed import FedContractYml  # noqa: PLC0415 - see assay.contract.yml

        FedContractYml.read(block, "contract")
        if block.get("key"):
            raise ContractError(
                "key: none: a sender repeats what it is not sure of, and only a primary_key tells a repetition from "
                "another event; make it the column with `path: /id`"
            )
        if "max_loss" in block:
            raise ContractError("max_loss: no file of webhooks replaces another; leave the key out")
        return {**block, **batches_of(self.source, ".jsonl"), "format": {"type": "jsonl"}, "load": "events"}
