# One stack set for the deploy roles that are alike, and one stack for each account.

locals {
  alike = {
    for key, role in module.tooling.deploy_roles :
    join("-", concat(["deployer", role.role_name], sort(role.environments), sort(role.regions))) => merge(role, { key = key })...
  }
  # A stack set's name may have letters, digits and hyphens (AWS CloudFormation API Reference, CreateStackSet).
  stack_sets     = { for name, roles in local.alike : replace(name, "/[^A-Za-z0-9-]/", "-") => roles[0] }
  stack_set_of   = merge([for name, roles in local.alike : { for role in roles : role.key => replace(name, "/[^A-Za-z0-9-]/", "-") }]...)
  numbered_lists = { Environment = "environments", PromotedFrom = "promoted_from", Region = "regions" }
}

resource "aws_cloudformation_stack_set" "target" {
  for_each = local.stack_sets

  name             = each.key
  description      = "The deploy role ${each.value.role_name} for ${join(", ", each.value.environments)}"
  template_body    = file("${path.module}/../../cloudformation/target.yaml")
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  permission_model = "SERVICE_MANAGED"
  call_as          = var.call_as

  # An account gets its role when an environment names it, not when it joins the organizational unit.
  auto_deployment {
    enabled = false
  }

  # Operations of several accounts wait for each other instead of failing.
  managed_execution {
    active = true
  }

  parameters = merge(
    {
      DeployerRoleArn      = module.tooling.deployer.role_arn
      DeployerFunctionArn  = module.tooling.deployer.function_arn
      DeployerQueueArn     = module.tooling.deployer.queue_arn
      DeployerWakeQueueArn = module.tooling.deployer.wake_queue_arn
      LedgerBucket         = module.tooling.deployer.ledger_bucket
      ArtifactBucket       = module.tooling.deployer.artifact_bucket
      ArtifactRegion       = module.tooling.deployer.region
      RoleName             = each.value.role_name
      ExternalIds          = join(",", each.value.external_ids)
      OrganizationId       = var.organization_id
    },
    merge([for parameter, field in local.numbered_lists : {
      for number, value in sort(each.value[field]) : "${parameter}${number + 1}" => value
    }]...),
    { for number, pattern in var.functions : "Function${number + 1}" => pattern },
    { for number, role in var.execution_roles : "ExecutionRole${number + 1}" => role },
  )

  lifecycle {
    # StackSets writes it itself where it manages the permissions.
    ignore_changes = [administration_role_arn]

    precondition {
      condition     = alltrue([for field in values(local.numbered_lists) : length(each.value[field]) <= 3])
      error_message = "The template takes at most three environments, three that they are promoted from, and three regions for one deploy role. ${each.key} has more: give some of its environments a role_name of their own."
    }
  }
}

resource "aws_cloudformation_stack_set_instance" "target" {
  for_each = local.stack_set_of

  stack_set_name = aws_cloudformation_stack_set.target[each.value].name
  call_as        = var.call_as

  # A role is of an account and not of a region: one stack, in the region of this configuration.
  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
    account_filter_type     = "INTERSECTION"
    accounts                = [split("/", each.key)[0]]
  }
}
