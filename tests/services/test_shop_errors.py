"""What is said of the shop's database never harms a file that is not the lab's."""

import pytest
from sqlalchemy import create_engine, text

from labkit.errors import LabError
from labkit.services import shop_errors


def test_a_file_that_the_learner_named_by_mistake_is_not_to_be_moved(monkeypatch, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("no database\n" * 100)
    url = f"sqlite:///{file}"
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr(shop_errors, "DATABASE_URL", url)
    engine = create_engine(url)
    with (
        pytest.raises(LabError) as caught,
        shop_errors.shop_errors(),
        engine.connect() as one,
    ):
        one.execute(text("SELECT 1 FROM sqlite_master"))
    assert str(caught.value).startswith(f"error: DATABASE_URL names {file}, which is no database ")
    assert caught.value.hint == "unset DATABASE_URL"
