"""Tasks for the lesson on testing: one is right, and the others have a bug that a test may miss."""

from celery_app import app
from work.orders import baggage


@app.task
def bag_fee(pieces: int, kilograms: int) -> int:
    """What bags cost, in cents: this one is right."""
    return baggage.fee_cents(pieces, kilograms)


@app.task
def bag_fee_with_a_wrong_function(pieces: int, kilograms: int) -> int:
    """Broken on purpose: the plain function below it is wrong."""
    return baggage.fee_cents_wrong(pieces, kilograms)


@app.task
def bag_fee_with_swapped_arguments(pieces: int, kilograms: int) -> int:
    """Broken on purpose: the function is right, and the task calls it wrongly."""
    return baggage.fee_cents(kilograms, pieces)


@app.task
def heaviest_bag(bags: list[int]) -> int:
    """Right; but a caller may hand over a set, which no message can carry."""
    return baggage.heaviest_kg(bags)


@app.task
def heavy_bags_as_a_set(bags: list[int], limit_kg: int) -> set[int]:
    """Broken on purpose: it returns a set, which no result can carry."""
    return baggage.heavy_bags(bags, limit_kg)
