# The contract's example, laid out whole: from it the policies in policies/ are made, which tests hold to what may and what may not be
# done. Never applied.

locals {
  region = "eu-west-1"
}

module "tooling" {
  source = "../modules/tooling"

  artifact_bucket = "acme-artifacts"
  ledger_bucket   = "acme-deployer-ledger"
  package         = { path = "${path.module}/main.tf" }
  customer_key    = true
  alarm_actions   = ["arn:aws:sns:eu-west-1:123456789012:on-call"]
  keys = { for number, name in ["ledger", "queues", "log", "bus"] :
    name => "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-00000000001${number}"
  }
  # Former ones.
  decryption_keys = { for number, name in ["artifacts", "ledger", "queues"] :
    name => ["arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-00000000002${number}"]
  }
  # Another account's release tool.
  promotion_requesters = ["arn:aws:iam::333333333333:role/release"]
  environments = {
    dev = {
      targets     = [{ account = "111111111111", region = "eu-west-1" }]
      external_id = "dev-8c1f"
    }
    # The deployer's own account.
    tools = {
      targets     = [{ account = "123456789012", region = "eu-west-1" }]
      external_id = "tools-3b7a"
    }
    prod = {
      targets = [
        { account = "222222222222", region = "eu-west-1" },
        { account = "222222222222", region = "us-east-1" },
      ]
      external_id = "prod-51aa"
      promotion   = { from = "dev", automatic = true, soak = "30m" }
    }
  }
}

# The same with lists of who may do what: the policies that these change.
module "guarded" {
  source = "../modules/tooling"

  artifact_bucket = "acme-artifacts"
  ledger_bucket   = "acme-deployer-ledger"
  package         = { path = "${path.module}/main.tf" }
  alarm_actions   = ["arn:aws:sns:eu-west-1:123456789012:on-call"]
  approvers       = ["arn:aws:iam::123456789012:role/approver-*"]
  uploaders       = ["arn:aws:iam::123456789012:role/ci-*", "arn:aws:iam::123456789012:role/build-agent"]
  administrators  = ["arn:aws:iam::123456789012:role/admin"]
  environments    = { dev = { targets = [{ account = "123456789012", region = "eu-west-1" }] } }
}

locals {
  # As the tooling module tells them, but for the key, which is known only after the apply.
  deployer = merge(module.tooling.deployer, { artifact_key_arn = local.key_arn })
  uploads  = merge(module.tooling.uploads, { artifact_key_arn = local.key_arn })
  key_arn  = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001"
}

module "dev" {
  source = "../modules/target"

  deployer        = local.deployer
  deploy_role     = module.tooling.deploy_roles["111111111111/deployer-target"]
  functions       = ["*"]
  execution_roles = ["lambda-*", "lambda/*"]
}

module "tools" {
  source = "../modules/target"

  deployer    = local.deployer
  deploy_role = module.tooling.deploy_roles["123456789012/deployer-target"]
  functions   = ["*"]
  # So wide that the deployer's own role fits.
  execution_roles         = ["deployer", "lambda/*"]
  vpc                     = {}
  code_signing_config_arn = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0f6c334abcdea4d8b"
  execution_boundary      = ["events", "kms", "lambda", "logs", "s3", "scheduler", "sqs", "sts"]
}

module "prod" {
  source = "../modules/target"

  deployer           = local.deployer
  deploy_role        = module.tooling.deploy_roles["222222222222/deployer-target"]
  functions          = ["orders-*", "hello"]
  execution_roles    = ["lambda/*"]
  organization_id    = "o-exampleorg1"
  layers             = ["arn:aws:lambda:eu-west-1:222222222222:layer:shared:*"]
  function_keys      = ["arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002"]
  capacity_providers = ["arn:aws:lambda:eu-west-1:222222222222:capacity-provider:shared"]
  vpc                = { subnet_ids = ["subnet-00000001", "subnet-00000002"], security_group_ids = ["sg-00000001"] }
  concurrency        = true
  rollouts           = true
  smoke_tests        = true
  function_tags      = { stage = ["prod"], team = [] }
  execution_boundary = ["dynamodb", "events", "kms", "lambda", "logs", "s3", "scheduler", "sqs", "sts"]
}

module "notifications" {
  source = "../modules/notifications"

  event_bus_arn = module.tooling.event_bus_arn
  emails        = ["oncall@example.com"]
  key_arn       = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000014"
}

module "scheduled" {
  source = "../examples/scheduled-promotions"

  event_bus_arn = module.tooling.event_bus_arn
}

module "chat" {
  source = "../examples/chat"

  event_bus_arn = module.tooling.event_bus_arn
  webhook_url   = "https://chat.example.com/hooks/deployments"
  api_key       = "never used"
}
