# Deploy roles that the contract's example does not have, to hold target.yaml to: as little as there can be, and as much as it takes.
# Never applied.

locals {
  key = "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001"
}

module "least" {
  source = "../../modules/target"

  deployer = {
    role_arn        = "arn:aws:iam::123456789012:role/deployer"
    function_arn    = "arn:aws:lambda:eu-west-1:123456789012:function:deployer"
    queue_arn       = "arn:aws:sqs:eu-west-1:123456789012:deployer"
    ledger_bucket   = "acme-deployer-ledger"
    artifact_bucket = "acme-artifacts"
    region          = "eu-west-1"
  }
  deploy_role = {
    account      = "111111111111"
    role_name    = "deployer-target"
    environments = ["dev"]
    regions      = ["eu-west-1"]
    external_ids = []
  }
  functions       = ["hello"]
  execution_roles = []
}

module "most" {
  source = "../../modules/target"

  deployer = {
    role_arn         = "arn:aws-cn:iam::123456789012:role/ci/releases"
    function_arn     = "arn:aws-cn:lambda:cn-north-1:123456789012:function:releases"
    queue_arn        = "arn:aws-cn:sqs:cn-north-1:123456789012:releases"
    wake_queue_arn   = "arn:aws-cn:sqs:cn-north-1:123456789012:releases-wakes"
    dead_letters_arn = "arn:aws-cn:sqs:cn-north-1:123456789012:releases-dead-letters"
    event_bus_arn    = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/releases"
    schedules_arn    = "arn:aws-cn:scheduler:cn-north-1:123456789012:schedule-group/releases"
    log_group_arn    = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/lambda/releases"
    ledger_bucket    = "acme-releases-ledger"
    artifact_bucket  = "acme-artifacts"
    artifact_key_arn = local.key
    region           = "cn-north-1"

    artifact_decryption_key_arns = [
      "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000020",
      "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000021",
    ]
  }
  deploy_role = {
    account       = "111111111111"
    role_name     = "platform/releases-target"
    environments  = ["prod", "prod-eu", "prod-us"]
    promoted_from = ["dev", "stage", "stage-eu"]
    regions       = ["cn-north-1", "cn-northwest-1", "eu-west-1"]
    external_ids  = ["prod-51aa", "prod-eu-9d30", "prod/us:77b0"]
  }
  functions          = ["a*b", "orders-*", "hello"]
  execution_roles    = ["lambda/*", "lambda-*", "service/billing/api"]
  layers             = ["arn:aws-cn:lambda:cn-north-1:111111111111:layer:shared:*", "arn:aws-cn:lambda:cn-north-1:111111111111:layer:other:7"]
  function_keys      = [local.key, "arn:aws-cn:kms:cn-north-1:111111111111:key/1c8e2f0a-0000-4000-8000-000000000002"]
  capacity_providers = ["arn:aws-cn:lambda:cn-north-1:111111111111:capacity-provider:shared"]
  vpc = {
    subnet_ids         = ["subnet-00000001", "subnet-00000002"]
    security_group_ids = ["sg-00000001"]
  }
  concurrency             = true
  rollouts                = true
  smoke_tests             = true
  function_tags           = { stage = [], team = [] }
  code_signing_config_arn = "arn:aws-cn:lambda:cn-north-1:111111111111:code-signing-config:csc-0f6c334abcdea4d8b"
  execution_boundary      = ["logs"]
}

module "organization_only" {
  source = "../../modules/target"

  deployer = {
    role_arn        = "arn:aws:iam::123456789012:role/deployer"
    function_arn    = "arn:aws:lambda:eu-west-1:123456789012:function:deployer"
    queue_arn       = "arn:aws:sqs:eu-west-1:123456789012:deployer"
    ledger_bucket   = "acme-deployer-ledger"
    artifact_bucket = "acme-artifacts"
    region          = "eu-west-1"

    # A former key, where S3's own encrypts today.
    artifact_decryption_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000020"]
  }
  deploy_role = {
    account       = "111111111111"
    role_name     = "deployer-target"
    environments  = ["dev", "test"]
    promoted_from = ["try"]
    regions       = ["eu-west-1", "us-east-1"]
    external_ids  = []
  }
  functions       = ["orders-*"]
  execution_roles = ["lambda/*"]
  organization_id = "o-exampleorg1"
  vpc             = { subnet_ids = ["subnet-00000001"] }
}
