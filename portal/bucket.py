"""Object storage that speaks S3. Loaded only where ``STORAGE_URL`` names a bucket."""

from typing import Any

from botocore.config import Config
from storages.backends.s3 import S3Storage

_HELD_IN_MEMORY = 8_000_000  # bytes of an object while it is read; what is longer goes through a temporary file


class Bucket(S3Storage):  # type: ignore[misc]  # comes without types
    """A private bucket. Readers with a deadline wait for it: it is given up soon, and they are told."""

    def __init__(self, **options: Any) -> None:
        # A host of one's own seldom has a name for each bucket.
        style = {"addressing_style": "path" if options.get("endpoint_url") else "auto"}
        config = Config(connect_timeout=3, read_timeout=15, retries={"mode": "standard", "max_attempts": 2}, s3=style)
        super().__init__(**options, client_config=config, max_memory_size=_HELD_IN_MEMORY)
