"""A browser in two words, from what it says of itself."""

_NAMES = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_of(user_agent: str) -> str:
    """As ``Firefox · Windows``; "" for one that nobody knows. The first mark counts: browsers name their kin too."""
    found = [next((name for mark, name in marks if mark in user_agent), "") for marks in (_NAMES, _SYSTEMS)]
    return " · ".join(filter(None, found))
