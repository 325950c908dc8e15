"""Whose recordings may be opened: the hosts that an environment's connection names."""

from sync.models.connections import Connection


def recording_hosts(environment_id: int) -> frozenset[str]:
    """None by default, and none without a connection. The token is not read."""
    rows = Connection.objects.filter(environment_id=environment_id).values_list("settings", flat=True)
    named = (str((settings or {}).get("recording_hosts") or "") for settings in rows)
    return frozenset(host for text in named for part in text.split(",") if (host := part.strip().lower()))
