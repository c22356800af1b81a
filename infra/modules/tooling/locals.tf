# What follows from the variables alone. ARNs are made from names, so that policies are known before anything exists, and
# a role or a bucket that is made anew is still the one that is meant.

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  names = jsondecode(file("${path.module}/../names.json"))

  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.name
  partition = data.aws_partition.current.partition
  dns       = data.aws_partition.current.dns_suffix

  # Five minutes: a crashed run comes again after six times as long.
  timeout = 300

  artifact_bucket_arn = "arn:${local.partition}:s3:::${var.artifact_bucket}"
  ledger_bucket_arn   = "arn:${local.partition}:s3:::${var.ledger_bucket}"
  role_arn            = "arn:${local.partition}:iam::${local.account}:role/${var.name}"
  function_arn        = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}"
  queue_arn           = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}"
  dead_letters_arn    = "${local.queue_arn}-dead-letters"
  log_group           = "/aws/lambda/${var.name}"
  log_group_arn       = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group}"
  promotions_arn      = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name}/${var.name}-promotions"
  schedules_arn       = "arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule-group/${var.name}"

  targets = flatten([for name, environment in var.environments : [
    for target in environment.targets : {
      environment = name
      account     = target.account
      region      = target.region
      role_name   = coalesce(environment.role_name, local.names.deploy_role)
      external_id = environment.external_id
    }
  ]])

  # Each deploy role with what it is for: one per account and role name.
  deploy_roles = {
    for role, targets in { for target in local.targets : "${target.account}/${target.role_name}" => target... } : role => {
      account      = targets[0].account
      role_name    = targets[0].role_name
      arn          = "arn:${local.partition}:iam::${targets[0].account}:role/${targets[0].role_name}"
      environments = distinct(targets[*].environment)
      # A promotion brings the very object of the environment before.
      promoted_from = setsubtract(flatten([for target in targets : local.before_64[target.environment]]), targets[*].environment)
      regions       = distinct(targets[*].region)
      external_ids  = distinct([for target in targets : target.external_id if target.external_id != null])
    }
  }
  deploy_role_arns = sort([for role in values(local.deploy_roles) : role.arn])

  # Which environments uploads may go to (CONTRACT of deployer.json: by default those without a promotion).
  accepting = [for name, environment in var.environments : name if coalesce(environment.accept_uploads, environment.promotion == null)]

  # Where one gets to from each environment by going back to what it is promoted from, 64 times; nowhere, unless it is a circle.
  from    = { for name, environment in var.environments : name => try(environment.promotion.from, "") }
  back_2  = { for name, from in local.from : name => lookup(local.from, from, "") }
  back_4  = { for name, from in local.back_2 : name => lookup(local.back_2, from, "") }
  back_8  = { for name, from in local.back_4 : name => lookup(local.back_4, from, "") }
  back_16 = { for name, from in local.back_8 : name => lookup(local.back_8, from, "") }
  back_32 = { for name, from in local.back_16 : name => lookup(local.back_16, from, "") }
  back_64 = { for name, from in local.back_32 : name => lookup(local.back_32, from, "") }

  # Which environments lie on that way: all that may ever be promoted to each.
  before_1  = { for name, from in local.from : name => compact([from]) }
  before_2  = { for name, from in local.from : name => distinct(concat(local.before_1[name], lookup(local.before_1, from, []))) }
  before_4  = { for name, from in local.back_2 : name => distinct(concat(local.before_2[name], lookup(local.before_2, from, []))) }
  before_8  = { for name, from in local.back_4 : name => distinct(concat(local.before_4[name], lookup(local.before_4, from, []))) }
  before_16 = { for name, from in local.back_8 : name => distinct(concat(local.before_8[name], lookup(local.before_8, from, []))) }
  before_32 = { for name, from in local.back_16 : name => distinct(concat(local.before_16[name], lookup(local.before_16, from, []))) }
  before_64 = { for name, from in local.back_32 : name => distinct(concat(local.before_32[name], lookup(local.before_32, from, []))) }

  # deployer.json: what is not said is left out.
  config = {
    artifact_bucket = var.artifact_bucket
    ledger_bucket   = var.ledger_bucket
    queue_url       = aws_sqs_queue.uploads.url
    event_bus       = var.name
    environments = {
      for name, environment in var.environments : name => merge(
        { for field, value in environment : field => value if value != null && field != "promotion" },
        { for promotion in environment.promotion[*] : "promotion" => { for field, value in promotion : field => value if value != null } },
      )
    }
  }
}
