"""The settings of an OriginsAI connection: how to authenticate, and the agents, which the vendor does not list."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sync.providers import limits
from sync.providers.base import FormField

MAX_BYTES = limits.HISTORY.most_bytes

FIELDS = (
    FormField("agents", "Agents", "Numbers and names, such as 7:Reception,8:Sales", required=True, many=True),
    FormField(
        "header", "Header", "Name of the header that carries the token", default="Authorization", carries_token=True
    ),
    FormField(
        "prefix",
        "Prefix",
        "What stands before the token in that header; may be empty",
        default="Bearer",
        carries_token=True,
    ),
    FormField("org_id", "Organisation", "If filled, calls that carry another organisation's number are set aside"),
    FormField(
        "recording_hosts",
        "Hosts of recordings",
        "Hosts whose recordings may be opened from a call's page, such as media.example.com; none by default",
        many=True,
    ),
    FormField("max_bytes", "Largest answer", "Bytes; a longer one fails and changes nothing", default=str(MAX_BYTES)),
)
_LABEL = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])", re.ASCII)
_MOST_HOSTS = 20
_HEADER = re.compile(r"[A-Za-z0-9_-]{1,100}")
_RESERVED = frozenset({"host", "connection", "content-length", "transfer-encoding", "cookie", "accept-encoding"})


@dataclass(frozen=True, slots=True)
class Settings:
    agents: dict[int, str]
    header: str
    prefix: str
    org_id: str
    recording_hosts: tuple[str, ...]
    max_bytes: int

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> "Settings":
        """Raises ValueError with one sentence."""
        defaults = {field.key: field.default for field in FIELDS}
        if unknown := sorted(set(settings) - set(defaults)):
            raise ValueError(f"OriginsAI has no setting named {unknown[0]}.")
        given = {key: str(settings.get(key, default)).strip() for key, default in defaults.items()}
        header = given["header"] or "Authorization"
        if not _HEADER.fullmatch(header) or header.lower() in _RESERVED:
            raise ValueError("The header's name may hold letters, digits and hyphens only, and be none of HTTP's own.")
        if not given["prefix"].isascii() or not given["prefix"].isprintable() or len(given["prefix"]) > 40:
            raise ValueError("The prefix has to be a short word in plain letters.")
        if given["org_id"] and not re.fullmatch(r"\d{1,18}", given["org_id"], re.ASCII):
            raise ValueError("The organisation has to be a number.")
        size = given["max_bytes"] or str(MAX_BYTES)
        if not re.fullmatch(r"[1-9]\d{0,11}", size, re.ASCII):
            raise ValueError("The largest answer has to be a number of bytes.")
        return cls(
            _agents(given["agents"]),
            header,
            given["prefix"],
            given["org_id"],
            _hosts(given["recording_hosts"]),
            int(size),
        )

    def as_text(self) -> dict[str, str]:
        """As they are stored; reading them again gives the same."""
        return {
            "agents": ",".join(f"{number}:{name}" for number, name in self.agents.items()),
            "header": self.header,
            "prefix": self.prefix,
            "org_id": self.org_id,
            "recording_hosts": ",".join(self.recording_hosts),
            "max_bytes": str(self.max_bytes),
        }


def _hosts(text: str) -> tuple[str, ...]:
    """Whole host names, each once. An address in figures is none, nor is a pattern."""
    hosts = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if len(hosts) > _MOST_HOSTS or not all(_HOST.fullmatch(host) for host in hosts):
        raise ValueError("Hosts of recordings are whole names with commas between, such as media.example.com.")
    return hosts


def _agents(text: str) -> dict[int, str]:
    agents: dict[int, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        number, _, name = entry.partition(":")
        number, name = number.strip(), name.strip()
        if not re.fullmatch(r"\d{1,18}", number, re.ASCII) or not name or len(name) > 200 or not name.isprintable():
            raise ValueError("Agents are written as number:name with commas between, such as 7:Reception,8:Sales.")
        if int(number) in agents:
            raise ValueError(f"Agent {int(number)} is there twice.")
        agents[int(number)] = name
    if not agents:
        raise ValueError("At least one agent is needed, such as 7:Reception.")
    return agents
