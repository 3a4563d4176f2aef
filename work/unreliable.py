"""A service that answers only when it has been asked often enough."""


class NotYet(Exception):
    """The service is not ready; asking again later may help."""


def answer(attempt: int, ready_at: int) -> str:
    """Return the service's answer to the given attempt (the first one is 1).

    Raises NotYet while attempt < ready_at, ValueError unless both are whole numbers of
    at least 1.

    >>> answer(attempt=2, ready_at=2)
    'answered at attempt 2'
    >>> answer(attempt=1, ready_at=2)
    Traceback (most recent call last):
    ...
    work.unreliable.NotYet: not ready at attempt 1
    """
    for name, value in (("attempt", attempt), ("ready_at", ready_at)):
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value!r:.80}")
    if attempt < ready_at:
        raise NotYet(f"not ready at attempt {attempt}")
    return f"answered at attempt {attempt}"
