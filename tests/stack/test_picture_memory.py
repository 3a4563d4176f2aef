"""The largest pictures that process_image takes need no more memory than is promised."""

import pytest

from benchmarks.image_memory import KINDS, LARGEST, draw, peak_mb
from work.images import MEMORY_MB, OPERATIONS


@pytest.mark.parametrize("name", KINDS)
def test_the_largest_pictures_take_no_more_memory_than_promised(tmp_path, name):
    draw(tmp_path / name, (LARGEST, LARGEST))
    imported = peak_mb("imported")
    for operation in OPERATIONS:
        assert peak_mb(str(tmp_path / name), operation) - imported < MEMORY_MB
        (new,) = set(tmp_path.iterdir()) - {tmp_path / name}
        new.unlink()
