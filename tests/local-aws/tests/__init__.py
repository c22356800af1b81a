"""Tests of the local AWS: `python -m unittest` from the folder above. See `tests/plain.py` for what they prove."""
