"""How .venv is made and kept up to date; ./lab comes here when it is missing or out of date.

Nothing is installed yet at that time, so these modules use the standard library alone, and any
Python of 3.11 or later can run them.
"""
