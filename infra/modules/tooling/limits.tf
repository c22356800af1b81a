# The lengths of policies that AWS takes. docs/limits.md says how many accounts that is, and a test measures it.

locals {
  limits = {
    bucket_policy   = 20480 # Amazon S3 User Guide, "Bucket policies"
    bus_policy      = 10240 # EventBridge User Guide, "Amazon EventBridge quotas"
    inline_policies = 10240 # IAM User Guide, "IAM and AWS STS quotas": all of a role's together
    key_policy      = 32768 # KMS Developer Guide, "Resource quotas"
    queue_policy    = 8192  # Amazon SQS Developer Guide, "Amazon SQS quotas"
    managed_policy  = 6144  # IAM User Guide, "IAM and AWS STS quotas"

    # Ours: of the ten that IAM attaches to a role (the same) the organization may attach two of its own. It never changes, for deploy
    # roles would move to other policies.
    enter_policies = 8
  }
}
