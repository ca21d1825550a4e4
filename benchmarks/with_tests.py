"""Importing this puts the tests' helpers and toy courses on the path, as pytest does by itself.

Imported for that alone, before the first of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
sys.path[:0] = [str(ROOT), str(TESTS / "support"), str(TESTS / "courses")]
