"""Flower's settings; `celery -A celery_app flower` reads this file from the current folder."""

from flower.urls import handlers
from tornado.routing import HostMatches, Rule
from tornado.web import ErrorHandler

# Flower shows every argument and can stop tasks and workers.  Its default is all interfaces.
# The port is Flower's default, 5555; --port, or FLOWER_PORT in the environment, names another.
address = "127.0.0.1"

# Without a password Flower shows its pages, and its buttons answer 401.  They work with one:
# FLOWER_BASIC_AUTH=user:password in the environment.  FLOWER_UNAUTHENTICATED_API=true lets them
# work without one, but then Flower obeys the scripts of all web pages that you visit, too.

# Flower has pages for whatever name it is asked by.  So a page from elsewhere could read them: it
# gives its own name the address 127.0.0.1 (DNS rebinding), and your browser takes Flower for a part
# of that page.  Tornado, on which Flower is built, advises routes for known names alone; all others
# get 403 here.  Files such as /static/favicon.ico, without any data, go to everybody still.
# What asks by another name, as a proxy or Prometheus may, needs that name in this pattern.  A
# --url_prefix does not go with these lines: Flower does not start then.
NAMES = r"(localhost|127\.0\.0\.1)"
handlers[:] = [
    Rule(HostMatches(NAMES), list(handlers)),
    (".*", ErrorHandler, {"status_code": 403}),
]
