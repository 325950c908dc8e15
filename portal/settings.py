"""All settings, read from the environment once, at the start. INTERFACE names what an installation may set."""

import hashlib
import os
import secrets
from contextlib import suppress
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from portal import dotenv, env
from portal.database_limits import COMMANDS
from portal.env import BASE_DIR
from portal.lib.version import VERSION
from portal.private import make_private

make_private()
dotenv.load()

DEBUG = env.flag("DEBUG", default=False)
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "data"))).resolve()
SECRET_KEY = env.generated("SECRET_KEY", DATA_DIR / "secret_key", lambda: secrets.token_urlsafe(50))
BASE_URL = env.site("BASE_URL", "http://127.0.0.1:8000")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", "127.0.0.1,localhost")
# Peers: seconds to send a request, and to read some of an answer; what is kept for all; what an address may have.
REQUEST_SECONDS = env.number("REQUEST_SECONDS", 20, at_least=1)
RESPONSE_SECONDS = env.number("RESPONSE_SECONDS", 30, at_least=1)
RESPONSE_ROOM = env.size("RESPONSE_ROOM", "1GB")
CONNECTIONS_PER_ADDRESS = env.number("CONNECTIONS_PER_ADDRESS", 100, at_least=1)
REQUESTS_PER_SECOND = env.number("REQUESTS_PER_SECOND", 50, at_least=1)
# Of one API key in a web process: requests at once, and seconds of work a minute; for others see portal.site.turns.
REQUESTS_AT_ONCE = env.number("REQUESTS_AT_ONCE", 2, at_least=1)
WORK_PER_MINUTE = env.number("WORK_PER_MINUTE", 60, at_least=1)
SECURE = BASE_URL.startswith("https://")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)
METRICS_TOKEN = env.text("METRICS_TOKEN")
TOKEN_KEYS = env.vault_keys("TOKEN_KEYS", DATA_DIR / "token_keys")
TOKENS_BOUND = env.flag("TOKENS_BOUND", default=False)
UPSTREAM_ALLOW_PRIVATE = env.flag("UPSTREAM_ALLOW_PRIVATE", default=False)
UPSTREAM_RATE_PER_MINUTE = env.number("UPSTREAM_RATE_PER_MINUTE", 90, at_least=1)
READING_HASTE = env.number("READING_HASTE", 1, at_least=1)

# Figures: what one process may use to compute them, and how long a question may take.
COLUMNS_THREADS = env.number("COLUMNS_THREADS", os.cpu_count() or 2, at_least=1)
COLUMNS_MEMORY = env.text("COLUMNS_MEMORY", "352MB")
COLUMNS_SPILL = env.size("COLUMNS_SPILL", "4GB")
COLUMNS_CACHE = env.size("COLUMNS_CACHE", "10GB")
QUESTION_SECONDS = env.number("QUESTION_SECONDS", 20, at_least=1)
ANSWERS_KEPT_SECONDS = env.number("ANSWERS_KEPT_SECONDS", 3600, at_least=0)
EXPORTS_ROOM = env.size("EXPORTS_ROOM", "20GB")  # of one tenant
COLUMNS_ENGINE = env.engine("COLUMNS_ENGINE")

# Column files and exports: in a folder, or in a bucket, each kind below a name of its own.
STORAGE_FOLDER, _BUCKET = env.storage("STORAGE_URL")
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "columns": {
        "BACKEND": "reports.columns.files.ColumnFolder",
        "OPTIONS": {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    },
}
if COLUMNS_ENGINE and COLUMNS_ENGINE["collection"] and not _BUCKET:
    raise env.SettingError("COLUMNS_ENGINE reads files in a bucket, which STORAGE_URL has to name.")
if _BUCKET:
    STORAGES |= {
        name: {
            "BACKEND": "portal.bucket.Bucket",
            "OPTIONS": _BUCKET | {"location": f"{_BUCKET['location']}/{name}".lstrip("/")},
        }
        for name in ("columns", "exports")
    }

INSTALLED_APPS = [
    "portal.tenants",
    "portal.accounts",
    "portal.audit",
    "portal.outbox",
    "portal.privacy",
    "portal.site",
    "sync",
    "reports.columns",
    "reports.files",
    "reports.annotations",
    "reports.saved",
    "reports.privacy",
    "reports.web",
    "reports.mail",
    "reports.alerts",
    "reports.handover",
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "portal.accounts.console_app.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "portal.site.doors.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.proxies.TrustedProxiesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.site.turns.TurnsMiddleware",
    "portal.site.doors.HttpsMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "portal.site.doors.ReadableMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "portal.accounts.admissions.AdmissionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.tenants.middleware.ReaderLanguageMiddleware",
    "portal.privacy.pending.PendingErasuresMiddleware",
    "portal.site.doors.OutageMiddleware",
    "portal.site.doors.EmptyMiddleware",
    "portal.site.doors.SecondFactorMiddleware",
    "reports.web.middleware.QuestionMiddleware",
]

ROOT_URLCONF = "portal.site.urls"
AUTH_USER_MODEL = "tenants.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.tenants.brand.look",
            ],
        },
    },
]

# --- Database: SQLite by default, PostgreSQL by one setting -----------------------------------------------------------

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{DATA_DIR / 'ringbook.sqlite3'}")}
POSTGRESQL = DATABASES["default"]["ENGINE"].endswith("postgresql")
# The role that owns the tables, where DATABASE_URL names one that owns nothing (portal/tenants/row_security.py).
DATABASE_OWNER = env.owner("DATABASE_OWNER_URL", DATABASES["default"])
DATABASE_ROLE = {key: DATABASES["default"].get(key, "") for key in ("USER", "PASSWORD")}

if POSTGRESQL:
    DATABASES["default"] |= {
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "options": f"{COMMANDS.as_options()} -c timezone=UTC"
            " -c jit=off"  # compiling a page's statement takes longer than any page may take to answer
            " -c parallel_setup_cost=2500"  # helpers take 10 ms to begin, and a page's ledgers 4 ms without any
            " -c cursor_tuple_fraction=1",  # every cursor of ours is read to its end
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        }
        | DATABASES["default"].get("OPTIONS", {}),  # what the address asks for, such as ?sslmode=require
    }
else:
    # IMMEDIATE is what keeps a read-then-write from failing at once as "database is locked"; WAL alone does not.
    DATABASES["default"] |= {
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
            # What is deleted is written over: an erased number must not stay in a free page.
            "PRAGMA busy_timeout=20000;PRAGMA cache_size=-20000;PRAGMA secure_delete=ON;",
        },
    }

# --- Broker and cache: an embedded Valkey on a socket by default, Redis by one setting --------------------------------

REDIS_URL, CACHE_URL = env.broker("REDIS_URL"), env.broker("CACHE_URL")
EMBEDDED_BROKER = not REDIS_URL
BROKER_SOCKET = DATA_DIR / "broker.sock"
if EMBEDDED_BROKER:
    # A socket path may have some 100 bytes; a deep DATA_DIR moves the socket to a short folder of this user's.
    if len(str(BROKER_SOCKET)) > 100:
        BROKER_SOCKET = env.runtime_folder() / f"ringbook-{hashlib.sha256(bytes(DATA_DIR)).hexdigest()[:16]}.sock"
    CELERY_BROKER_URL = f"redis+socket://{BROKER_SOCKET}"
    _CACHE_URL = f"unix://{BROKER_SOCKET}?db=1"
else:
    CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
    _CACHE_URL = REDIS_URL

# Sign-in limits count in the cache, so it has to be shared by processes. Sessions stay in the database.
CACHES = {
    "default": {
        "BACKEND": "portal.shared_cache.SharedCache",
        "LOCATION": CACHE_URL or _CACHE_URL,
        "KEY_PREFIX": "ringbook:cache",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    },
}

# --- People, sessions, browser ----------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "portal.accounts.admissions.ProviderBackend",
]
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{kind}PasswordHasher" for kind in ("Argon2", "PBKDF2")]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
# Who may guess how often is said in portal.accounts.limits: counting an address alone would lock an office out.
ACCOUNT_RATE_LIMITS = dict.fromkeys(("login", "login_failed", "reset_password", "reset_password_from_key"))
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # a stranger's address gets no mail from here
# Django's own: the library's writes a row about the person whenever it makes or checks a token.
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105

MFA_ADAPTER = "portal.accounts.factor_adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Ringbook"
MFA_TOTP_TOLERANCE = 1  # half a minute: clocks of phones
MFA_RATE_LIMITS = {"webauthn_login": None}  # a signature can't be guessed
MFA_FORMS = {
    "authenticate": "portal.accounts.factor_adapter.CodeForm",
    "reauthenticate": "portal.accounts.factor_adapter.CodeAgainForm",
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes of a body, whatever it holds

SESSION_ENGINE = "portal.accounts.sessions"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_IDLE_MINUTES = env.number("SESSION_IDLE_MINUTES", 8 * 60, at_least=1)
LOOK_UPS_PER_DAY = env.number("LOOK_UPS_PER_DAY", 20, at_least=0)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
CSRF_TRUSTED_ORIGINS = ["/".join(BASE_URL.split("/")[:3])]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- Language and time ------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("pt-br", _("Brazilian Portuguese"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
FORMAT_MODULE_PATH = ["portal.formats"]
USE_THOUSAND_SEPARATOR = True
TIME_ZONE = "UTC"

# --- Files and mail ---------------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "portal" / "static"]
WHITENOISE_USE_FINDERS = True
with suppress(OSError):  # an installation that cannot be written
    STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns about a missing folder, and warnings are errors in tests

DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.sender("DEFAULT_FROM_EMAIL", "Ringbook <reports@localhost>")
# Whose name a company's mails may carry: their servers must take what comes from here.
SENDER_DOMAINS = env.hosts("SENDER_DOMAINS", parseaddr(DEFAULT_FROM_EMAIL)[1].rpartition("@")[2].lower())
globals().update(env.email("EMAIL_URL", f"file://{DATA_DIR / 'outbox'}"))
EMAIL_TIMEOUT = 20
MAIL_HOOK_SECRET, MAILGUN_WEBHOOK_KEY = env.text("MAIL_HOOK_SECRET"), env.text("MAILGUN_WEBHOOK_KEY")
SENDGRID_WEBHOOK_KEY, SNS_TOPICS = env.public_key("SENDGRID_WEBHOOK_KEY"), env.topics("SNS_TOPICS")
MAILS_PER_MINUTE = env.number("MAILS_PER_MINUTE", 300, at_least=1)  # to one domain of recipients
ALARM_MAILS = env.addresses("ALARM_MAILS")
DEAD_MANS_URL = env.url("DEAD_MANS_URL", "", schemes=("https", "http"))
STALE_HOURS = env.number("STALE_HOURS", 6, at_least=1)
OUTBOX_RULES = {  # who says, just before a message leaves, that it still may
    "alarm": "portal.site.alarms.objection",
    "alert": "reports.alerts.telling.objection",
    "company": "portal.accounts.sso.letters.objection",
    "connection": "sync.troubles.objection",
    "handover": "reports.handover.telling.objection",
    "invitation": "portal.accounts.invitations.objection",
    "lost": "reports.mail.lost.objection",
    "look-ups": "reports.privacy.look_up.objection",
    "report": "reports.mail.content.objection",
    "reset": "portal.accounts.resets.objection",
    "visit": "portal.accounts.visits.objection",
}
# Who finds the place that an administrator's visit gives in a tenant, and who hears that its column files were made.
VISITS, AFTER_REFRESH = "portal.accounts.visits.place_of", "reports.alerts.tasks.after_refresh"

# --- REST API ---------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["reports.api.auth.KeyAuthentication", "reports.api.auth.MemberAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["reports.api.auth.HasReader"],
    "DEFAULT_RENDERER_CLASSES": ["reports.api.renderers.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["reports.api.parsers.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "reports.api.problems.problem",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Ringbook",
    "DESCRIPTION": "Calls and callback statistics mirrored from voice-AI platforms.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
}

# --- Tasks: the broker carries hints; every obligation is a row -------------------------------------------------------

_VISIBILITY = 1800  # seconds; every task ends well before half of it
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 5
CELERY_BROKER_POOL_LIMIT = 10
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": _VISIBILITY,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "health_check_interval": 10,
    "global_keyprefix": "ringbook:",
    "queue_order_strategy": "round_robin",
    "client_name": "ringbook",
} | ({} if EMBEDDED_BROKER else {"socket_keepalive": True})
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_RETRY_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "sync.tasks.read_next": {"queue": "reading"},
    "sync.tasks.pull_stream": {"queue": "reading"},
    "reports.columns.tasks.refresh_tenant": {"queue": "refresh"},
    "reports.files.tasks.make_export": {"queue": "files"},
}
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_WORKER_POOL = "portal.site.pool:Pool"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # kB
CELERY_WORKER_ETA_TASK_LIMIT = 100
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 15  # then tasks are cancelled and go back; all has to end in 35
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = False  # an idle worker ends at once; nothing waits only in its memory
CELERY_WORKER_HIJACK_ROOT_LOGGER = CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_MAX_LOOP_INTERVAL = 30
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")  # Celery's own choice is the folder it is started in

# --- Logs: no secret, no full number, no transcript -------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "portal.logs.Redact"}},
    "formatters": {
        "line": {"()": "portal.logs.RedactedLines", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["redact"], "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO" if DEBUG else "WARNING"},
    "loggers": {"ringbook": {"level": "INFO"}, "waitress.queue": {"level": "ERROR"}},  # that a request waits is no news
}
