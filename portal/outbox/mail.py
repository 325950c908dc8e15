"""A message as the bytes that leave: text, HTML with the pictures that it shows, files."""

from email.message import Message
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import utf8_charset_qp


class Mail(EmailMultiAlternatives):
    """Built once: what was found to be writable is what leaves."""

    encoding = utf8_charset_qp  # no relay has to write it anew, which would break a signature
    _built: Any = None

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self._pictures: list[tuple[str, bytes]] = []

    def show(self, name: str, content: bytes) -> None:
        """Have a PNG stand where the HTML names it: ``src="cid:<name>"``."""
        self._pictures.append((name, content))

    def message(self, **how: Any) -> Any:
        if self._built is None:
            self._built = super().message(**how)
            if self._pictures:
                _relate(self._built, self._pictures)
        return self._built


def is_shown(name: str, content_type: str, html: str) -> bool:
    """Whether a file is a picture that the HTML shows, rather than one that goes beside the mail."""
    return content_type == "image/png" and f'"cid:{name}"' in html


def _relate(built: Message, pictures: list[tuple[str, bytes]]) -> None:
    """Put them beside the HTML, so that a program that shows the text alone lists no files (RFC 2387)."""
    alternatives: Any = next(part for part in built.walk() if part.get_content_type() == "multipart/alternative")
    parts = alternatives.get_payload()
    related = MIMEMultipart("related", type="text/html")
    related.attach(parts[-1])
    for name, content in pictures:
        picture = MIMEImage(content, "png")
        picture["Content-ID"] = f"<{name}>"
        picture.add_header("Content-Disposition", "inline", filename=name)
        related.attach(picture)
    parts[-1] = related
