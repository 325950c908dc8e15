"""What a failed request raises."""

from sync.taxonomy import Fault


class UpstreamError(Exception):
    """A request, or the document it brought, failed. ``detail`` is for administrators and holds no secret."""

    def __init__(
        self, fault: Fault, detail: str = "", *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{fault}: {detail}" if detail else str(fault))
        self.fault = fault
        self.detail = detail[:300]
        self.status = status
        self.retry_after = retry_after  # seconds, already bounded; None when the vendor named none


class WrongPath(UpstreamError):
    """The vendor refused, and the base address doesn't end with ``expected``, as this vendor's addresses do."""

    def __init__(self, expected: str, cause: UpstreamError) -> None:
        super().__init__(cause.fault, cause.detail, status=cause.status)
        self.expected = expected
