"""Every address of the site."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from portal import health
from portal.accounts.views import choose


def _mounted(where: str, module: str) -> list[URLResolver]:
    try:
        return [path(where, include(module))] if find_spec(module) else []
    except ImportError:
        return []


urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("", choose, name="choose"),
    path("accounts/", include("portal.accounts.urls")),
    *_mounted("t/<slug:tenant>/", "reports.web.urls"),
    *_mounted("", "reports.api.urls"),
    *_mounted("vendor/", "reports.api.vendor.urls"),
    *_mounted("mail/", "reports.mail.urls"),
]
