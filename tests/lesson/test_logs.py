"""What a lesson shows of a log file."""

from labkit.lesson import logs
from labkit.lesson.logs import log_entries, show_log

LOG = """\
 -------------- lesson08@vm v5.7.0
[2026-01-31 07:30:00,123: INFO/MainProcess] lesson08@vm ready.
[2026-01-31 07:30:01,123: ERROR/ForkPoolWorker-1] Task divide[5f0c81d2-1b7e] raised: order-7
Traceback (most recent call last):
ZeroDivisionError: order-7
2026-01-31 07:30:02,123 order-7 add[5f0c81d2-1b7e-4a52] done
"""


def test_a_traceback_and_a_banner_are_no_entries(tmp_path):
    (tmp_path / "log").write_text(LOG)
    assert len(log_entries(tmp_path / "log")) == 3


def test_a_log_that_is_not_there_yet_has_no_entries(tmp_path):
    assert log_entries(tmp_path / "log") == []


def test_entries_with_all_the_words_are_shown_in_short(tmp_path, capsys):
    (tmp_path / "log").write_text(LOG)
    shown = show_log(tmp_path / "log", "order-7", "[5f0c81d2")
    assert shown == ["ERROR Task divide[5f0c81d2] raised: order-7", "order-7 add[5f0c81d2] done"]
    assert capsys.readouterr().out == "".join(f"  {line}\n" for line in shown)


def test_what_never_comes_is_not_shown(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(logs, "TIMEOUT_S", 0)
    (tmp_path / "log").write_text(LOG)
    assert show_log(tmp_path / "log", "order-8") == []
    assert capsys.readouterr().out == ""
