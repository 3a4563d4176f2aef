"""Flower's settings; `celery -A celery_app flower` reads this file from the current folder."""

from flower.urls import handlers
from tornado.routing import HostMatches, Rule
from tornado.web import ErrorHandler

# Flower shows every argument and can stop tasks and workers.  Its default is all interfaces.
# The port is Flower's default, 5555; --port, or FLOWER_PORT in the environment, names another.
address = "127.0.0.1"

# No password stands here.  Without one Flower shows its pages, and its buttons answer 401;
# FLOWER_BASIC_AUTH=user:password in the environment makes them work, for who knows the password.
# FLOWER_UNAUTHENTICATED_API makes them work, too, for every web page that your browser shows.

# Flower answers whatever name it is asked by.  So a page from elsewhere could read everything: it
# gives its own name the address 127.0.0.1 (DNS rebinding), and the browser takes Flower for a part
# of that page.  What Tornado, on which Flower is built, advises: routes for these names alone, and
# 403 for all others.  Only /static/, which has no data, still answers everybody.  If a proxy in
# front of Flower uses another name, put it here.  With --url_prefix these lines cannot be used.
NAMES = r"(localhost|127\.0\.0\.1)"
handlers[:] = [
    Rule(HostMatches(NAMES), list(handlers)),
    (".*", ErrorHandler, {"status_code": 403}),
]
