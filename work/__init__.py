"""What the tasks do: plain functions and their exceptions.  Nothing in here imports Celery."""
