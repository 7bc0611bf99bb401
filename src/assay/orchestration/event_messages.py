"""Extracts readable messages of failures from Dagster's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterEvent
    from dagster_shared.error import SerializableErrorInfo


def step_failure(happened: DagsterEvent) -> list[str]:
    """Why a step failed; nothing where a failed check stopped it, which reports itself."""
    data = happened.step_failure_data
    if data.error is not None and data.error.cls_name == "DagsterAssetCheckFailedError":
        return []  # the check itself has said what failed
    reason = data.user_failure_data.description if data.user_failure_data else None
    return [f"{happened.step_key}: {reason or root_message(data.error)}"]


def root_message(error: SerializableErrorInfo | None) -> str:
    """The message of the first error of a chain that was written for people, or of the one that began it."""
    message = "failed"
    while error is not None:
        kind, _, message = error.message.strip().partition(": ")
        if error.cls_name == "Failure":
            return message
        message = message or kind
        error = error.cause
    return message
