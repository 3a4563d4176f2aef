"""The numbers that lessons once had, for whoever still types one.

They changed once, so that each part of the course has room for more: CHANGELOG.md has the map.
"""

from labkit.errors import LabError

# The name of the file as it was -> the number today.
MOVED = {
    "18_routing": "20",
    "19_priorities": "21",
    "20_rate_limits": "22",
    "21_time_limits": "23",
    "22_revoke": "24",
    "23_inspect_and_events": "26",
    "24_pools": "28",
    "25_acks": "30",
    "26_worker_lost": "31",
    "27_visibility_timeout": "32",
    "28_idempotency": "33",
    "29_prefetch": "34",
    "30_memory": "36",
    "31_shutdown": "37",
    "32_serialization_and_security": "39",
    "33_result_backends": "40",
    "34_brokers": "41",
    "35_email": "50",
    "36_images": "51",
    "37_import_data": "52",
    "38_export_data": "53",
    "39_reports": "54",
    "40_cleanup": "55",
    "41_web_api": "57",
    "42_errors_and_alerts": "58",
    "43_ids_not_objects": "59",
    "44_slow_api": "60",
    "45_ticket_order": "61",
    "46_testing": "62",
    "47_rolling_deploy": "74",
}


def refuse_old_number(asked: str) -> None:
    """Raise the LabError that says the new number, where `asked` is an old name or number.

    To be asked only where no lesson has that name or number today.

    >>> refuse_old_number("19")
    Traceback (most recent call last):
    labkit.errors.LabError: error: lesson 19 has a new number: 21
    <BLANKLINE>
    hint: ./lab run 21
    """
    for old, number in MOVED.items():
        if asked in (old, old[:2]):
            raise LabError(f"lesson {asked} has a new number: {number}", f"./lab run {number}")
