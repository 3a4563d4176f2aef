"""What jobs cost, as a row of a table, and measured in a script of their own."""

from labkit.side_by_side.pools import Cost, cost_in_plain_python

SCRIPT = """
import json, sys
print(json.dumps({"wait_s": 1, "compute_s": float(sys.argv[1]), "cpu_s": 4, "pids": [7, 8]}))
sys.stdout.flush()
sys.stdin.read()
"""


def test_cores_are_the_processor_time_in_each_second_of_computing():
    cost = Cost(wait_s=0.5, compute_s=2, pids=frozenset({7}), cpu_s=3, memory_mb=60.4)
    assert cost.cores == 1.5
    assert cost.cells() == ["0.50 s", "2.00 s", "1", "1.5", "60 MB"]


def test_a_script_is_measured_while_it_is_there_and_then_told_to_end(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    cost = cost_in_plain_python(script, [2])
    assert (cost.wait_s, cost.cores, cost.pids) == (1, 2, {7, 8})
    assert cost.memory_mb > 1
