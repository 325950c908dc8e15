"""What a page says that could not be answered: never a fault of ours, so never the page of one."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from reports.queries.question import QuestionError
from reports.queries.run import NotNow


class QuestionMiddleware:
    """A question that has to wait is told with 429 or 503, one that asks for too much with 400, with a sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, NotNow):
            answer = render(request, "refused.html", {"sentences": [str(error)]}, status=error.status)
            answer["Retry-After"] = str(error.retry_after)
            return answer
        if isinstance(error, QuestionError):
            return render(request, "refused.html", {"sentences": list(error.errors.values())}, status=400)
        return None
