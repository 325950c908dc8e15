"""Addresses in mails, mounted at /mail/. They stand in mails for years and never change."""

from django.urls import path

from reports.mail import pages

app_name = "mail"
urlpatterns = [
    path("confirm/<str:token>", pages.confirm, name="confirm"),
    path("leave/<str:token>", pages.leave, name="leave"),
]
