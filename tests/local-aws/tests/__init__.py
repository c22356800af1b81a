"""Tests of the local AWS: `python -m unittest` in the folder above runs them; `tests/plain.py` shows that they can fail."""
