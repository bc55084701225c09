"""Django's settings, derived from ``config`` alone.

No secret stands here: the session key is a file in the data directory, made on first start by ``cli.up``.
"""

from __future__ import annotations

import os
import secrets

from oakum.config import parse_database_url, read_config

CONFIG = read_config()
_secret_file = CONFIG.data_dir / "session.key"
# Without the file (a test, a check, a build) a key of this process is enough: nothing outlives it.
SECRET_KEY = _secret_file.read_text() if _secret_file.is_file() else secrets.token_urlsafe(48)

DEBUG = False
# Agents and people come by address or by any name that the operator gave; no page builds a link from the Host header.
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "oakum.urls"
DATABASES = {"default": parse_database_url(os.environ.get("OAKUM_TEST_DATABASE_URL") or CONFIG.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "oakum.journal",
    "oakum.identity",
    "oakum.catalogue",
    "oakum.fleet",
    "oakum.intel",
    "oakum.findings",
    "oakum.policy",
    "oakum.rollout",
    "oakum.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "oakum.web.middleware.ContentSecurityPolicy",
    "oakum.web.middleware.SignedIn",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oakum.web.context.shell",
            ],
        },
    }
]

AUTH_USER_MODEL = "identity.Person"
LOGIN_URL = "/sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

STATIC_URL = "/static/"
STATIC_ROOT = None
# Files are served straight out of the installed packages: no collectstatic step between a wheel and a page.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CONFIG.url.startswith("https")
CSRF_COOKIE_SECURE = CONFIG.url.startswith("https")
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if CONFIG.behind_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6000

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname).1s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "oakum": {"handlers": ["stderr"], "level": os.environ.get("OAKUM_LOG_LEVEL", "INFO"), "propagate": False}
    },
}
