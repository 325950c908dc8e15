"""Addresses below ``/accounts/``: those of allauth that serve here. There is no sign-up."""

from allauth.account import views as allauth
from allauth.mfa.base import views as base
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import path, re_path
from django.views.decorators.http import require_http_methods
from django.views.generic import RedirectView

from portal.accounts import account_pages
from portal.accounts.invitation_pages import accept_invitation
from portal.accounts.sso import views as sso
from portal.accounts.views import LimitedLoginView, LimitedResetView, set_language

urlpatterns = [
    path("", account_pages.account, name="account"),
    path("sessions/end/", account_pages.end, name="end_sessions"),
    path("second-factor/", account_pages.second_factor, name="second_factor"),
    # What the library calls its lists of factors is the account page here.
    path("2fa/", RedirectView.as_view(pattern_name="account"), name="mfa_index"),
    path("2fa/passkeys/", RedirectView.as_view(pattern_name="account"), name="mfa_list_webauthn"),
    path("2fa/authenticate/", base.authenticate, name="mfa_authenticate"),
    path("2fa/reauthenticate/", base.reauthenticate, name="mfa_reauthenticate"),
    path("2fa/app/add/", totp.activate_totp, name="mfa_activate_totp"),
    path("2fa/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("2fa/codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("2fa/codes/new/", recovery_codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("2fa/codes/download/", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("2fa/passkeys/login/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("2fa/passkeys/add/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("2fa/passkeys/reauthenticate/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("2fa/passkeys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
    path("login/", LimitedLoginView.as_view(), name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("password/change/", allauth.password_change, name="account_change_password"),
    path("password/set/", allauth.password_set, name="account_set_password"),
    path("password/reset/", LimitedResetView.as_view(), name="account_reset_password"),
    path("password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        require_http_methods(("GET", "HEAD", "POST"))(allauth.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("invitation/<str:secret>/", accept_invitation, name="accept_invitation"),
    path("sso/", sso.company, name="company"),
    path("sso/<uuid:provider>/", sso.company_start, name="company_start"),
    path("sso/<uuid:provider>/return/", sso.company_return, name="company_return"),
    path("language/", set_language, name="set_language"),
]
