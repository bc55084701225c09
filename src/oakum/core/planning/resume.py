"""What resuming a halted rollout means for hosts that came to nothing.

The approver who resumes accepts what has gone wrong: it no longer counts against the budget.  Hosts that were taken
back only because the rollout stopped wait again; hosts that failed do so only if the approver asks for it.
"""

from __future__ import annotations

from dataclasses import replace

from oakum.core.planning.values import HARMS, HostProgress, HostState

REASON_STOPPED = "rollout_stopped"  # of a WITHDRAWN host: it is not the host's fault

# What may be tried again.  A lost host may have started; one that could not be taken back needs hands, not orders.
RETRIABLE = frozenset(
    {HostState.ROLLED_BACK, HostState.FAILED, HostState.INTERRUPTED, HostState.REFUSED, HostState.WITHDRAWN}
)
ACCEPTABLE = HARMS | {HostState.REFUSED, HostState.WITHDRAWN}


def resume_host(host: HostProgress, *, retries: bool) -> HostProgress:
    """Return the host as it stands after an approver resumed its rollout."""
    stopped = host.state is HostState.WITHDRAWN and host.reason == REASON_STOPPED
    if stopped or (retries and host.state in RETRIABLE):
        return HostProgress(
            host_id=host.host_id,
            name=host.name,
            ring=host.ring,
            change_set=host.change_set,
            state=HostState.WAITING,
            is_active=host.is_active,
            last_seen_at=host.last_seen_at,
            busy_with=host.busy_with,
        )
    return replace(host, is_accepted=True) if host.state in ACCEPTABLE else host
