"""The outbox as a folder: one readable file a message, whole or not there."""

import re
import stat
from email import message_from_bytes, policy

import pytest

from portal.outbox import server
from portal.outbox.post import deliver

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings, tmp_path):
    settings.EMAIL_BACKEND = "portal.outbox.folder.FolderBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "out" / "box")
    return tmp_path / "out" / "box"


def test_each_message_is_one_file_that_says_when_and_to_whom_but_not_the_address(folder, write):
    for to in ("ana@acme.example", "bruno.x@acme.example"):
        assert deliver(write(to=to, reference=to).pk) == "sent"
    names = sorted(path.name.split("-", 2)[2] for path in folder.iterdir())
    assert len(names) == 2
    assert re.fullmatch(r"ana-[0-9a-f]{8}\.eml", names[0])
    assert re.fullmatch(r"bruno-x-[0-9a-f]{8}\.eml", names[1])
    for path in folder.iterdir():
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert mail["To"].endswith("@acme.example")
        assert mail.get_body(("html",)).get_content().strip() == "<p>Figures</p>"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_leaves_the_message_waiting(folder, write):
    folder.parent.mkdir()
    folder.write_text("in the way")
    message = write()
    assert deliver(message.pk) == "pending"
    message.refresh_from_db()
    assert server.said(message.last_reply).startswith("The folder that mails are written to takes none.")
