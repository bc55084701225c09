"""Doing something as a user who may do little, in a process of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def as_nobody(act: Callable[[], Any]) -> Any:
    """Return what ``act`` returns (plain values) when nobody does it; everything it needs is loaded already."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(into, json.dumps(act()).encode())
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as told:
        content = told.read()
    os.waitpid(child, 0)
    return json.loads(content)
