"""Every address of the site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from portal.accounts import brand_pages
from portal.accounts.account_pages import sign_in_settings
from portal.accounts.sso.pages import single_sign_on, single_sign_on_act
from portal.accounts.views import choose
from portal.site import health
from portal.site.mail_hook import mail_hook
from portal.site.setup_pages import set_up
from reports.web.saved import shared

handler500 = "portal.site.doors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", include("portal.site.console_pages")),
    path("admin/", admin.site.urls),
    path("", choose, name="choose"),
    path("setup/", set_up, name="set_up"),
    path("accounts/", include("portal.accounts.urls")),
    path("t/<slug:tenant>/settings/sign-in/", sign_in_settings, name="sign_in_settings"),
    path("t/<slug:tenant>/team/sign-on/", single_sign_on, name="single_sign_on"),
    path("t/<slug:tenant>/team/sign-on/act/", single_sign_on_act, name="single_sign_on_act"),
    path("t/<slug:tenant>/settings/brand/", brand_pages.brand_page, name="brand"),
    path("t/<slug:tenant>/brand.css", brand_pages.stylesheet),
    path("t/<slug:tenant>/brand/logo", brand_pages.logo),
    path("brand.css", brand_pages.stylesheet_at_host),
    path("brand/logo", brand_pages.logo_at_host),
    path("t/<slug:tenant>/connections/", include("sync.urls")),
    path("t/<slug:tenant>/", include("reports.web.urls")),
    path("shared-link/<str:token>/", shared.shared_answer, name="shared_answer"),
    path("shared-link/<str:token>/frame/", shared.shared_frame, name="shared_frame"),
    path("shared-link/<str:token>/brand.css", shared.shared_stylesheet, name="shared_stylesheet"),
    path("shared-link/<str:token>/brand/logo", shared.shared_logo, name="shared_logo"),
    path("mail/", include("reports.mail.urls")),
    path("hooks/mail/<str:form>", mail_hook, name="mail_hook"),
    path("vendor/", include("reports.api.vendor_api.urls")),
    path("", include("reports.api.urls")),
]
