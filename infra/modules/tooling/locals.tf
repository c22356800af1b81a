# What follows from the variables alone. ARNs are made from names, so that policies are known before anything exists, and
# a role or a bucket that is made anew is still the one that is meant.

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_partition" "current" {}

module "environments" {
  source = "../environments"

  environments = var.environments
}

locals {
  environments = module.environments.environments

  names = jsondecode(file("${path.module}/../names.json"))

  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.id
  partition = data.aws_partition.current.partition
  dns       = local.names.partitions[local.partition].dns_suffix

  # Five minutes: a crashed run comes again after six times as long.
  timeout = 300

  artifact_bucket_arn = "arn:${local.partition}:s3:::${var.artifact_bucket}"
  ledger_bucket_arn   = "arn:${local.partition}:s3:::${var.ledger_bucket}"
  marker_prefixes     = [local.names.ledger.open, local.names.ledger.asked, "${local.names.ledger.groups}${local.names.ledger.open}"]
  role_arn            = "arn:${local.partition}:iam::${local.account}:role${var.role_path}${var.name}"
  function_arn        = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}"
  alias_arn           = "${local.function_arn}:${local.names.deployer_alias}"
  queue_arn           = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}"
  wake_queue_arn      = "${local.queue_arn}-wakes"
  dead_letters_arn    = "${local.queue_arn}-dead-letters"
  log_group           = "/aws/lambda/${var.name}"
  log_group_arn       = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group}"
  event_bus_arn       = "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/${var.name}"
  promotions_arn      = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name}/${var.name}-promotions"
  schedules_arn       = "arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule-group/${var.name}"

  targets = flatten([for name, environment in local.environments : [
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
      environments = distinct(targets[*].environment)
      # A promotion brings the very object of the environment before.
      promoted_from = setsubtract(setunion([for target in targets : local.before_64[target.environment]]...), targets[*].environment)
      regions       = distinct(targets[*].region)
      external_ids  = distinct([for target in targets : target.external_id if target.external_id != null])
    }
  }
  # Within this account a deploy role's own policy is enough.
  other_roles = [for role in values(local.deploy_roles) : role if role.account != local.account]

  # Regions in which no role of the deployer's partition can be assumed.
  other_regions = distinct([for target in local.targets : "${target.region} (${target.environment})" if !can(regex(local.names.partitions[local.partition].regions, target.region))])

  # Two environments that may mean one function: where the text before {function} of one begins that of the other, and the text after
  # it likewise, some pair of functions gets one name. Aliases do not separate them: the function's $LATEST is one.
  names_of = {
    for name, environment in local.environments : name => {
      before  = replace(split("{function}", coalesce(environment.function_name, "{function}"))[0], "{environment}", name)
      after   = replace(reverse(split("{function}", coalesce(environment.function_name, "{function}")))[0], "{environment}", name)
      targets = [for target in environment.targets : "${target.account}/${target.region}"]
    }
  }
  meeting = flatten([
    for number, name in keys(local.names_of) : [
      for other in slice(keys(local.names_of), 0, number) : "${other} and ${name}"
      if length(setintersection(local.names_of[name].targets, local.names_of[other].targets)) > 0
      && (startswith(local.names_of[name].before, local.names_of[other].before) || startswith(local.names_of[other].before, local.names_of[name].before))
      && (endswith(local.names_of[name].after, local.names_of[other].after) || endswith(local.names_of[other].after, local.names_of[name].after))
    ]
  ])

  # Which environments uploads may go to (CONTRACT of deployer.json: by default those without a promotion).
  accepting = [for name, environment in local.environments : name if coalesce(environment.accept_uploads, environment.promotion == null)]

  # What may ever be promoted to each environment: from one step before it up to 64, and there are no more environments.
  before_1  = { for name, environment in local.environments : name => toset(try(concat([environment.promotion.from], environment.promotion.also_from), [])) }
  before_2  = { for name, before in local.before_1 : name => setunion(before, [for one in before : try(local.before_1[one], [])]...) }
  before_4  = { for name, before in local.before_2 : name => setunion(before, [for one in before : try(local.before_2[one], [])]...) }
  before_8  = { for name, before in local.before_4 : name => setunion(before, [for one in before : try(local.before_4[one], [])]...) }
  before_16 = { for name, before in local.before_8 : name => setunion(before, [for one in before : try(local.before_8[one], [])]...) }
  before_32 = { for name, before in local.before_16 : name => setunion(before, [for one in before : try(local.before_16[one], [])]...) }
  before_64 = { for name, before in local.before_32 : name => setunion(before, [for one in before : try(local.before_32[one], [])]...) }

  # deployer.json: what is not said is left out.
  config = {
    account         = local.account
    artifact_bucket = var.artifact_bucket
    ledger_bucket   = var.ledger_bucket
    queue_url       = aws_sqs_queue.uploads.url
    wake_queue_url  = aws_sqs_queue.wakes.url
    event_bus       = var.name
    environments = {
      for name, environment in local.environments : name => merge(
        { for field, value in environment : field => value if value != null && !contains(["promotion", "approval", "freeze", "rollout"], field) },
        { for promotion in environment.promotion[*] : "promotion" => merge(
          { for field, value in promotion : field => value if value != null && field != "also_from" },
          { for others in [promotion.also_from] : "from" => concat([promotion.from], others) if length(others) > 0 },
        ) },
        { for approval in environment.approval[*] : "approval" => merge(
          { for field, value in approval : field => value if value != null && field != "approvers" },
          { for approvers in [approval.approvers] : "approvers" => [for approver in approvers : { for field, value in approver : field => value if value != null }] if length(approvers) > 0 },
        ) },
        { for freezes in [environment.freeze] : "freeze" => [for freeze in freezes : { for field, value in freeze : field => value if value != null }] if length(freezes) > 0 },
        { for rollout in environment.rollout[*] : "rollout" => merge(
          { for field, value in rollout : field => value if value != null && !contains(["steps", "guard", "smoke_test"], field) },
          # No steps are another thing than steps that are not said.
          { for steps in rollout.steps == null ? [] : [rollout.steps] : "steps" => [for step in steps : { for field, value in step : field => value if value != null }] },
          { for guard in rollout.guard[*] : "guard" => { for field, value in guard : field => value if value != null } },
          { for tests in [rollout.smoke_test] : "smoke_test" => [for test in tests : merge(
            { for field, value in test : field => jsondecode(value) if value != null && field != "timeout" },
            { for timeout in test.timeout[*] : "timeout" => timeout },
          )] if length(tests) > 0 },
        ) },
      )
    }
  }
}
