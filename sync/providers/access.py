"""What a provider needs of a connection to speak to its vendor."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Access:
    """All a provider may know of a connection. The repr holds no token."""

    base_url: str
    token: str = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    allow_private: bool = False
