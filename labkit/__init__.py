"""What starts, watches and judges the lab.  Nothing here is needed in a project of your own."""

import sys
from pathlib import Path

# A PYTHONPATH may name another project; its celery_app.py and tasks must not be found before ours.
_root = str(Path(__file__).resolve().parents[1])
if _root in sys.path[1:]:
    sys.path.insert(0, _root)
