"""Typed readers of environment variables.

Each reader takes a name and a default, also looks for ``NAME_FILE`` (a file holding the value, as container secrets
are mounted), and raises :class:`SettingError` with one sentence that names the variable when the form is wrong.
"""

import os
import re
from base64 import b64decode
from collections.abc import Callable
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.core.exceptions import ImproperlyConfigured

from portal import private

BASE_DIR = Path(__file__).resolve().parent.parent
_BAD_PORT = "has a port that is no number up to 65535."
known: set[str] = set()  # names of settings that were read
_SIZE = re.compile(r"([0-9]+) ?([kMGT]B)")
_TOPIC = re.compile(r"arn:aws(-cn|-us-gov)?:sns:[a-z0-9-]{3,30}:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_PLACE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]*))(?::([0-9]+))?")  # one host of a database, and its port


class SettingError(ImproperlyConfigured):
    """A setting has a form that Ringbook does not know; the text is one sentence for the administrator."""


def text(name: str, default: str = "") -> str:
    known.add(name)
    from_file = os.environ.get(f"{name}_FILE", "")
    if from_file:
        try:
            return Path(from_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{name}_FILE names a file that cannot be read: {error.__class__.__name__}.") from error
    return os.environ.get(name, "") or default


def flag(name: str, *, default: bool) -> bool:
    value = text(name, "true" if default else "false").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise SettingError(f"{name} must be true or false.")


def number(name: str, default: int, *, at_least: int = 0) -> int:
    value = text(name, str(default))
    try:
        result = int(value)
    except ValueError as error:
        raise SettingError(f"{name} must be a whole number.") from error
    if result < at_least:
        raise SettingError(f"{name} must be {at_least} or more.")
    return result


def size(name: str, default: str) -> int:
    """Bytes, from a number with its unit: ``10GB``."""
    try:
        return bytes_of(text(name, default))
    except ValueError as error:
        raise SettingError(f"{name} must be a size with its unit: 500MB, 10GB.") from error


def bytes_of(text: str) -> int:
    """As :func:`size`, of a text. Raises ValueError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return int(match[1]) * _UNITS[match[2]]


def listed(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def hosts(name: str, default: str) -> list[str]:
    """Names of hosts as a browser sends them; ``*`` and ``.example.com`` stand for more than one."""
    names = listed(name, default)
    for part in names:
        if not re.fullmatch(r"\*|\.?[\w-]+(\.[\w-]+)*|\[[0-9A-Fa-f:.]+\]", part):
            raise SettingError(f"{name} must list names of hosts alone, without scheme, port or path.")
    return names


def sender(name: str, default: str) -> str:
    value = text(name, default)
    address = parseaddr(value)[1]
    if not value.isprintable() or not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
        raise SettingError(f"{name} must be an address, alone or as Name <address>.")
    return value


def addresses(name: str) -> list[str]:
    """Mail addresses with commas between; none by default."""
    found = listed(name)
    for address in found:
        if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
            raise SettingError(f"{name} must list mail addresses with commas between.")
    return found


def topics(name: str) -> list[str]:
    """Names (ARN) of topics of Amazon SNS with commas between; none by default."""
    found = listed(name)
    for topic in found:
        if not _TOPIC.fullmatch(topic):
            raise SettingError(f"{name} must list topics with commas between, as arn:aws:sns:region:account:name.")
    return found


def public_key(name: str) -> str:
    """An elliptic curve's public key, in base64 as SendGrid shows it; empty by default."""
    value = text(name)
    try:
        known = not value or isinstance(load_der_public_key(b64decode(value)), EllipticCurvePublicKey)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingError(f"{name} must be a public key in base64.") from error
    if not known:
        raise SettingError(f"{name} must be a key for ECDSA.")
    return value


def url(name: str, default: str, *, schemes: tuple[str, ...]) -> str:
    value = text(name, default)
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise SettingError(f"{name} is not an address.") from error
    if value and (parts.scheme not in schemes or not value.startswith(f"{parts.scheme}://")):
        raise SettingError(f"{name} must begin with one of: {', '.join(f'{scheme}://' for scheme in schemes)}.")
    return value


_OWN_PORT = {"http": ":80", "https": ":443"}


def site(name: str, default: str) -> str:
    """The address people reach Ringbook at, as browsers name it: in lower case, without the scheme's own port or a
    slash at its end."""
    value = url(name, default, schemes=("http", "https"))
    parts = urlsplit(value)
    if not parts.hostname or _port(name, parts) == 0 or re.search(r"[\s?#]", value):
        raise SettingError(f"{name} must name a host: https://ringbook.example.com.")
    scheme, place = parts.scheme, parts.netloc.lower()
    return f"{scheme}://{place.removesuffix(_OWN_PORT[scheme])}{parts.path.rstrip('/')}"


def _port(name: str, parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise SettingError(f"{name} {_BAD_PORT}") from error


def vault_keys(name: str, path: Path) -> list[str]:
    """The keys of ``name``, newest first, made and kept in ``path`` on the first start."""
    keys = [part.strip() for part in generated(name, path, lambda: Fernet.generate_key().decode("ascii")).split(",")]
    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise SettingError(
            f"{name} must list keys of 32 bytes in URL-safe base64, newest first, with commas between."
        ) from error
    return keys


def database(name: str, default: str) -> dict[str, Any]:
    """Django's database dictionary from ``sqlite:///path`` or ``postgresql://user:password@host:port/name``."""
    value = url(name, default, schemes=("sqlite", "postgresql", "postgres"))
    if urlsplit(value).scheme == "sqlite":
        path = value.removeprefix("sqlite:///")
        if not path or path == value:
            raise SettingError(f"{name} must name a file: sqlite:///path or sqlite:////absolute/path.")
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": path}
    parts = urlsplit(value.replace("#", "%23"))  # a password may hold one as it is
    credentials, _at, places = parts.netloc.rpartition("@")
    user, _colon, password = credentials.partition(":")
    servers = [_PLACE.fullmatch(place) for place in places.split(",")]
    if not all(place and int(place[3] or 0) <= 65535 for place in servers):
        raise SettingError(f"{name} {_BAD_PORT}")
    if not parts.path.strip("/"):
        raise SettingError(f"{name} must name a database: postgresql://user:password@host:port/name.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(user),
        "PASSWORD": unquote(password),
        # Several hosts are allowed, each with its port; none there stands for the usual one.
        "HOST": ",".join(unquote(place[1] or place[2]) for place in servers if place),
        "PORT": ports if (ports := ",".join(place[3] or "" for place in servers if place)).strip(",") else "",
        "OPTIONS": {key: int(given) if given.isdecimal() else given for key, given in parse_qsl(parts.query)},
    }


def owner(name: str, application: dict[str, Any]) -> dict[str, Any]:
    """The database dictionary of the role that owns the tables; {} without one. ``application`` is of the one that
    serves, which is to be another."""
    if not text(name):
        return {}
    owned = database(name, "")
    if "postgresql" not in owned["ENGINE"] or "postgresql" not in application["ENGINE"]:
        raise SettingError(f"{name} is for PostgreSQL, and so DATABASE_URL has to be.")
    if owned["USER"] == application["USER"]:
        raise SettingError(
            f"{name} and DATABASE_URL name the same role: the second is of a role that owns nothing, which"
            " manage.py database_roles makes."
        )
    return owned


def storage(name: str) -> tuple[Path | None, dict[str, Any]]:
    """A folder, or the options of a bucket from ``s3://key:secret@host/bucket``; neither where nothing is set.

    ``/prefix`` may follow, and ``?region=…&tls=false``. Without key and secret they are looked up where the tools of
    S3 keep them.
    """
    value = text(name)
    if "://" not in value:
        if value and not Path(value).is_absolute():
            raise SettingError(f"{name} must name a folder from the root on, or a bucket: s3://key:secret@host/bucket.")
        return (Path(value) if value else None), {}
    parts = urlsplit(url(name, "", schemes=("s3",)).replace("#", "%23"))  # a secret may hold one as it is
    place = parts.netloc.rpartition("@")[2]
    bucket, _slash, prefix = parts.path.strip("/").partition("/")
    more = dict(parse_qsl(parts.query, keep_blank_values=True))
    region, tls = more.pop("region", ""), more.pop("tls", "true")
    well_formed = not more and tls in {"true", "false"} and bool(parts.username) == bool(parts.password)
    if not well_formed or not parts.hostname or not re.fullmatch(r"[A-Za-z0-9][\w.-]+", bucket, re.ASCII):
        raise SettingError(
            f"{name} must name a bucket: s3://key:secret@host/bucket, where what is neither letter nor digit is"
            " percent-encoded in key and secret."
        )
    _port(name, parts)
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise SettingError(f"{name} needs the package django-storages[s3], which is not installed.")
    return None, {
        "bucket_name": bucket,
        "location": unquote(prefix),
        "access_key": unquote(parts.username or "") or None,
        "secret_key": unquote(parts.password or "") or None,
        "endpoint_url": f"http{'s' * (tls == 'true')}://{place}",
        "region_name": region or None,
    }


def engine(name: str) -> dict[str, Any]:
    """How ClickHouse is reached, from ``clickhouse://user:password@host:port/database?collection=…``; {} without one.

    ``cluster`` names a cluster of the server's; ``tls=false`` is plain HTTP. ``chdb://`` is ClickHouse in the process.
    """
    value = url(name, "", schemes=("clickhouse", "chdb"))
    if not value:
        return {}
    parts = urlsplit(value.replace("#", "%23"))
    more = dict(parse_qsl(parts.query, keep_blank_values=True))
    collection, cluster, tls = more.pop("collection", ""), more.pop("cluster", ""), more.pop("tls", "true")
    inside = parts.scheme == "chdb"
    whole = inside or (parts.hostname and collection)
    if more or not whole or tls not in {"true", "false"} or not re.fullmatch(r"\w*", collection + cluster, re.ASCII):
        raise SettingError(
            f"{name} must name a server and a collection of its: clickhouse://user:password@host/database?collection=name."
        )
    if find_spec("clickhouse_connect") is None or (inside and find_spec("chdb") is None):
        raise SettingError(
            f"{name} needs the package {'chdb' if inside else 'clickhouse-connect'}, which is not installed."
        )
    reached: dict[str, Any] = {"dsn": "chdb://memory"}
    if not inside:
        reached = {
            "host": parts.hostname,
            "port": _port(name, parts) or (8443 if tls == "true" else 8123),
            "secure": tls == "true",
            "username": unquote(parts.username or "") or None,
            "password": unquote(parts.password or ""),
            "database": unquote(parts.path.strip("/")) or None,
            "connect_timeout": 3,
            "autogenerate_session_id": False,
        }
    return {"client": reached, "collection": collection, "cluster": cluster}


def broker(name: str) -> str:
    """``redis://host:port/number``, the same with ``rediss://``, or ``unix:///path``; "" when nothing is set."""
    value = url(name, "", schemes=("redis", "rediss", "unix"))
    parts = urlsplit(value)
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise SettingError(f"{name} must name a socket: unix:///path/to/socket.")
    elif value:
        _port(name, parts)
        if not re.fullmatch(r"/?[0-9]*", parts.path, re.ASCII):
            raise SettingError(f"{name} must name a database by its number: {parts.scheme}://host:port/0.")
    return value


def email(name: str, default: str) -> dict[str, Any]:
    """How mail leaves: a dictionary of Django's ``EMAIL_*`` settings from ``file://``, ``smtp://`` or ``console://``."""
    value = url(name, default, schemes=("file", "smtp", "smtps", "console"))
    parts = urlsplit(value)
    if parts.scheme == "file":
        folder = value.removeprefix("file://")
        if not folder:
            raise SettingError(f"{name} must name a folder: file:///path/to/outbox.")
        return {"EMAIL_BACKEND": "portal.outbox.folder.FolderBackend", "EMAIL_FILE_PATH": folder}
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if not parts.hostname:
        raise SettingError(f"{name} must name a host: {parts.scheme}://user:password@host:port.")
    port = _port(name, parts)
    tls = parts.scheme == "smtp" and parts.query == "tls=true"
    return {
        "EMAIL_BACKEND": "portal.outbox.smtp.SmtpBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or {"smtp": 587 if tls else 25, "smtps": 465}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": tls,
    }


def runtime_folder() -> Path:
    """:func:`portal.private.runtime_folder`, as a setting is refused."""
    try:
        return private.runtime_folder()
    except private.Open as error:
        raise SettingError(str(error)) from error


def generated(name: str, path: Path, make: Callable[[], str]) -> str:
    """The value of ``name``, else the one kept in ``path``, made on the first start and readable by its owner only."""
    value = text(name)
    if value:
        return value
    try:
        if path.is_file():
            return path.read_text(encoding="ascii").strip()
        value = make()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # numbers and mails will lie beside it
        # Written beside and linked into place: two processes that start together agree on one value.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(value)
        try:
            os.link(draft, path)
        except FileExistsError:
            value = path.read_text(encoding="ascii").strip()
        finally:
            draft.unlink()
    except OSError as error:
        raise SettingError(f"{name} must be set, because {path.parent} cannot be written.") from error
    return value
