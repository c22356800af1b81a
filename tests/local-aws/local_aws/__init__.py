"""A local AWS for tests: moto, with corrections where its answers to a deployer differ from AWS's.

Every correction is our reading of AWS's documentation, which is named beside it. None was verified by AWS.
"""
