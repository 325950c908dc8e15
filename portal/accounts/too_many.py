"""The answer to whoever tried too often: it says for how long to wait, and asks next to nothing of the machine."""

import math

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.django_inside import unlogged

_LONGEST = 2000  # characters of what was typed


def too_many(request: HttpRequest, seconds: int, **shown: object) -> HttpResponse:
    """``seconds`` is what :meth:`portal.accounts.limits.Guess.seconds_left` says."""
    seconds = max(1, seconds)
    answer = render(request, "429.html", {"minutes": math.ceil(seconds / 60), **shown}, status=429)
    answer["Retry-After"] = str(seconds)
    return unlogged(answer)  # whoever guesses as fast as he can would fill the log


def too_many_sign_ins(request: HttpRequest, seconds: int) -> HttpResponse:
    """With the form to try again in, and what was typed but for the password."""
    typed = {name: request.POST.get(name, "")[:_LONGEST] for name in ("login", "next")}
    return too_many(request, seconds, again=True, **typed)
