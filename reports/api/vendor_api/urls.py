"""Below ``/vendor/``: the form of each vendor that has one, at the paths its clients know.

A form is a folder here and a line below. A vendor without one is read by our own API alone.
"""

from types import ModuleType

from django.urls import include, path

from reports.api.vendor_api.originsai import views as originsai
from reports.api.vendor_api.talkover import views as talkover

FORMS: tuple[tuple[str, ModuleType], ...] = (("api/v1/", talkover), ("api/", originsai))

urlpatterns = [path(f"{form.MOUNT.provider}/{below}", include(form)) for below, form in FORMS]
