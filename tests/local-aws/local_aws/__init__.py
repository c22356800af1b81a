"""A local AWS for tests: moto, corrected where a deployer would otherwise be told something that AWS does not say.

Every correction is our reading of AWS's documentation, named beside it; none was verified by AWS.
"""
