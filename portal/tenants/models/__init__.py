"""Django finds the app's models here; code imports them from their own files."""

from portal.tenants.models.grants import Grant, GrantEnvironment
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, User
from portal.tenants.models.tenants import Environment, Logo, Tenant

__all__ = ["ApiKey", "Environment", "Grant", "GrantEnvironment", "Logo", "Membership", "Tenant", "User"]
