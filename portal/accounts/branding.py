"""How a brand is saved: with its logo, a version that moves the addresses of what is cached, and an audit line."""

from typing import Any

from django.db import transaction
from django.db.models import F

from portal.audit.record import record
from portal.tenants import wall
from portal.tenants.models.tenants import Logo, Tenant

FIELDS = ("brand_name", "accent", "sender_name", "sender_address", "host", "language", "logo", "without_logo")


def save_brand(form: Any, *, by: Any) -> None:
    """Save what a valid form of a tenant holds."""
    with transaction.atomic():
        form.save()
        note_brand(form, by=by)


def note_brand(form: Any, *, by: Any) -> None:
    """What goes with the fields that were saved, if any of them is the brand's: logo, version, audit."""
    tenant: Tenant = form.instance
    changed = [name for name in FIELDS if name in form.changed_data]
    if not changed:
        return
    with wall.tenant(tenant), transaction.atomic():
        rows = Tenant.objects.filter(pk=tenant.pk)
        rows.update(brand_version=F("brand_version") + 1)
        picture = form.cleaned_data.get("logo")
        if picture or form.cleaned_data.get("without_logo"):
            Logo.objects.all().delete()
        if picture:
            version = rows.values_list("brand_version", flat=True).get()
            Logo.objects.create(tenant=tenant, version=version, content_type=picture[0], content=picture[1])
        rows.update(has_logo=Logo.objects.exists())
        names = ("accent", "host", "language")
        moved = {name: (form.initial.get(name), getattr(tenant, name)) for name in names if name in changed}
        about: dict[str, str | int] = {"tenant": tenant.pk, "fields": ", ".join(changed)}
        record("tenant.brand", tenant_id=tenant.pk, user=by, about=about, changes=moved)
