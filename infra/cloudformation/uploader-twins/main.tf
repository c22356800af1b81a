# Roles of CI that the contract's example does not have, to hold uploader.yaml to: as little as there can be, and as much as it takes.
# Never applied.

module "least" {
  source = "../../modules/uploader"

  name = "ci"
  uploads = {
    artifact_bucket = "acme-artifacts"
    ledger_bucket   = "acme-deployer-ledger"
    environments    = ["dev"]
    region          = "eu-west-1"
  }
  environments = ["dev"]
  functions    = ["hello"]
  trust        = { principals = ["arn:aws:iam::333333333333:role/ci"] }
}

# A former key of the ledger, where S3's own encrypts it today.
module "formerly_encrypted" {
  source = "../../modules/uploader"

  name = "ci"
  uploads = {
    artifact_bucket            = "acme-artifacts"
    ledger_bucket              = "acme-deployer-ledger"
    ledger_decryption_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000020"]
    environments               = ["dev"]
    region                     = "eu-west-1"
  }
  environments = ["dev"]
  functions    = ["hello"]
  trust        = { principals = ["arn:aws:iam::333333333333:role/ci"] }
}

locals {
  most = {
    artifact_bucket  = "acme-artifacts"
    artifact_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001"
    ledger_bucket    = "acme-releases-ledger"
    ledger_key_arn   = "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000002"
    environments     = ["dev", "test", "test-eu"]
    region           = "cn-north-1"

    ledger_decryption_key_arns = [
      "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000020",
      "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000021",
    ]
  }
}

module "most" {
  source = "../../modules/uploader"

  name         = "ci-releases"
  uploads      = local.most
  environments = ["dev", "test", "test-eu"]
  functions    = ["a*b", "orders-*", "hello"]
  trust = { oidc = {
    issuer   = "https://ci.example.com/oidc/acme"
    audience = "deployer"
    subjects = ["repo:acme/orders:*", "{c0ffee00-0000-4000-8000-0000000000bb}:*", "release-bot"]
  } }
}

module "most_principals" {
  source = "../../modules/uploader"

  name         = "ci-releases"
  uploads      = local.most
  environments = ["dev", "test-eu"]
  functions    = ["orders-*", "hello"]
  trust        = { principals = ["arn:aws-cn:iam::333333333333:role/ci", "arn:aws-cn:iam::333333333333:user/legacy/jenkins"] }
}

module "most_pods" {
  source = "../../modules/uploader"

  name         = "ci-releases"
  uploads      = local.most
  environments = ["test"]
  functions    = ["hello"]
  trust        = { eks_pods = { cluster_arn = "arn:aws-cn:eks:cn-north-1:123456789012:cluster/ci", namespace = "builds", service_account = "orders.api" } }
}

module "most_agents" {
  source = "../../modules/uploader"

  name         = "ci-releases"
  uploads      = local.most
  environments = ["test"]
  functions    = ["hello"]
  trust        = { ec2 = true }
}
