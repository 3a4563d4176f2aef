"""The small servers beside Celery: mail, partners, a slow API; and the pages with their ports."""
