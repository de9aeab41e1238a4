"""One request, written once: what a broker's REST side is asked, and what it may answer.

A failure says one thing that matters: whether a byte may have left. ``NotSent`` is the promise that
none did; everything else about a request that can trade is ``OutcomeUnknown`` (reliability.md 2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request ready to leave. ``url`` is whole; ``body`` is the very bytes."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        # Headers carry tokens and bodies carry logins: neither may reach a log by accident.
        return f"HttpRequest({self.method} {self.url.partition('?')[0]}, {len(self.body)} bytes)"


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole reply, whatever its status. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpReply({self.status}, {len(self.body)} bytes)"


def _nobody() -> None:
    """Nobody wants to know when the first byte left."""


class HttpClient(Protocol):
    """Sends requests. It never retries, never follows a redirect and never asks a proxy."""

    async def send(
        self, request: HttpRequest, on_written: Callable[[], None] = _nobody
    ) -> HttpReply:
        """Write a request once and return its whole reply.

        ``on_written`` is called just before the first byte may leave; where it raises ``NotSent``
        none may, and that is raised. Raises ``NotSent`` when provably none did, ``OutcomeUnknown``
        when one may have and no whole reply came.
        """

    async def warm(self, url: str) -> None:
        """Have a connection to the host of ``url`` ready. Raises ``NotSent`` when there is none."""

    async def close(self) -> None:
        """Let every connection go."""
