"""A rollout's spec out of its row, read once: it never changes, and a big one takes half a second to read.

What is kept was found to hash to the row's ``spec_hash``.  The order signer does not use this: it reads for itself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from uuid import UUID

from oakum.core.errors import StoreError
from oakum.core.planning.specification import hash_plain, parse_spec
from oakum.core.planning.values import Spec
from oakum.rollout.models import Rollout

KEPT_COUNT_MAX = 32

_kept: OrderedDict[tuple[UUID, str], Spec] = OrderedDict()
_lock = threading.Lock()


def spec_of(rollout_id: UUID, spec_hash: str) -> Spec:
    """Return the spec of a rollout.

    Raises:
        StoreError: the row's spec is not the one that was approved (``spec_changed``).
    """
    key = (rollout_id, spec_hash)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    plain = Rollout.objects.values_list("spec", flat=True).get(id=rollout_id)
    if hash_plain(plain) != spec_hash:
        raise StoreError(
            code="spec_changed",
            sentence=f"The spec of rollout {rollout_id} is not the one that its hash was made from.",
            next_step="Somebody has changed the database by hand. Restore it, or cancel the rollout and plan it anew.",
        )
    spec = parse_spec(plain)
    with _lock:
        _kept[key] = spec
        while len(_kept) > KEPT_COUNT_MAX:
            _kept.popitem(last=False)
    return spec
