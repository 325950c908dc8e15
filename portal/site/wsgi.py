"""The WSGI application that the web server serves."""

import os

from django.core.wsgi import get_wsgi_application

from portal.database_limits import PAGES, use
from portal.lib.heap import share_one_heap

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
share_one_heap()
application = get_wsgi_application()
use(PAGES)
