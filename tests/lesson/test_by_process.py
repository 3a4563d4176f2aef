"""What tasks returned, apart by process."""

from labkit.lesson.by_process import by_process


def test_a_process_that_comes_again_is_the_same_one():
    jobs = [{"pid": pid, "mb": mb} for pid, mb in [(7, 1), (7, 2), (8, 3), (7, 4)]]
    assert by_process(jobs, "mb") == [[1, 2, 4], [3]]
