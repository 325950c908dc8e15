import pytest

from portal.outbox.post import put
from tests.portal.outbox.sink import Sink


@pytest.fixture
def sink(settings):
    """A mail server the settings point at."""
    with Sink() as server:
        settings.EMAIL_BACKEND = "portal.outbox.smtp.SmtpBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 0.3
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


@pytest.fixture
def write(behind_acme):
    """Puts a message for one of the recipients."""

    def write(to="ana@acme.example", reference="r-1", **parts):
        parts = {"subject": "Week", "text": "Figures", "html": "<p>Figures</p>", "headers": {}} | parts
        return put(tenant_id=behind_acme.pk, to=to, reference=reference, **parts)

    return write
