"""Plain functions on text."""

from collections import Counter
from collections.abc import Callable, Sequence


def word_counts(document: str) -> dict[str, int]:
    """Count the words of a document, most frequent first.

    Words are what lies between spaces, in lower case.

    >>> word_counts("To be or not to be")
    {'to': 2, 'be': 2, 'or': 1, 'not': 1}
    >>> word_counts("")
    {}
    """
    return dict(Counter(document.lower().split()).most_common())


def word_counts_of_all(
    documents: Sequence[str], report: Callable[[int, int], None]
) -> dict[str, int]:
    """Count the words of several documents together, most frequent first.

    report: called with (documents done, documents in all), first with 0 done.

    >>> word_counts_of_all(["to be", "or not to be"], report=print)
    0 2
    1 2
    2 2
    {'to': 2, 'be': 2, 'or': 1, 'not': 1}
    """
    counts: Counter[str] = Counter()
    report(0, len(documents))
    for done, document in enumerate(documents, start=1):
        counts.update(word_counts(document))
        report(done, len(documents))
    return dict(counts.most_common())
