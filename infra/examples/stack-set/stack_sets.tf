# One stack set for each deploy role's name, and one stack for each account. A new environment, region or external id of a role updates its
# stack set in place: a role that was made anew under its name would be another one to every policy that names it.

locals {
  alike = { for key, role in module.tooling.deploy_roles : role.role_name => merge(role, { key = key })... }

  # A stack set's name may have letters, digits and hyphens (AWS CloudFormation API Reference, CreateStackSet).
  names          = { for role_name in keys(local.alike) : role_name => "deployer-${replace(role_name, "/[^A-Za-z0-9-]/", "-")}" }
  numbered_lists = { Environment = "environments", PromotedFrom = "promoted_from", Region = "regions" }
  deployer       = module.tooling.deployer
}

resource "aws_cloudformation_stack_set" "target" {
  for_each = local.alike

  name             = local.names[each.key]
  description      = "The deploy role ${each.key} for ${join(", ", each.value[0].environments)}"
  template_body    = module.constants.target_template
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  permission_model = "SERVICE_MANAGED"
  call_as          = var.call_as
  tags             = var.tags

  # An account gets its role when an environment names it, not when it joins the organizational unit.
  auto_deployment {
    enabled = false
  }

  # Operations of several accounts wait for each other instead of failing.
  managed_execution {
    active = true
  }

  # StackSets' own default is one account after the other, up to the first failure. Where no more fail than are tolerated, the
  # operation counts as succeeded, and so does the apply: docs/upgrading.md ("If an apply breaks off") lists what it did not reach.
  operation_preferences {
    max_concurrent_percentage    = 50
    failure_tolerance_percentage = 10
  }

  timeouts {
    update = "3h"
  }

  parameters = merge(
    {
      DeployerRoleArn        = local.deployer.role_arn
      DeployerFunctionArn    = local.deployer.function_arn
      DeployerQueueArn       = local.deployer.queue_arn
      DeployerWakeQueueArn   = local.deployer.wake_queue_arn
      DeployerDeadLettersArn = local.deployer.dead_letters_arn
      DeployerEventBusArn    = local.deployer.event_bus_arn
      DeployerSchedulesArn   = local.deployer.schedules_arn
      DeployerLogGroupArn    = local.deployer.log_group_arn
      LedgerBucket           = local.deployer.ledger_bucket
      ArtifactBucket         = local.deployer.artifact_bucket
      ArtifactKeyArn         = try(coalesce(local.deployer.artifact_key_arn), "")
      ArtifactRegion         = local.deployer.region
      RoleName               = reverse(split("/", each.key))[0]
      RolePath               = length(split("/", each.key)) == 1 ? "/" : "/${trimsuffix(each.key, reverse(split("/", each.key))[0])}"
      ExternalIds            = join(",", each.value[0].external_ids)
      OrganizationId         = var.organization_id
    },
    # A boundary is a policy of the role's own account, so each stack has its own ARN of it.
    var.target_permissions_boundary == null ? {} : { PermissionsBoundary = "" },
    merge([for parameter, field in local.numbered_lists : {
      for number, value in sort(each.value[0][field]) : "${parameter}${number + 1}" => value
    }]...),
    { for number, arn in local.deployer.artifact_decryption_key_arns : "ArtifactDecryptionKeyArn${number + 1}" => arn },
    { for number, pattern in var.functions : "Function${number + 1}" => pattern },
    { for number, role in var.execution_roles : "ExecutionRole${number + 1}" => role },
  )

  lifecycle {
    # StackSets writes it itself where it manages the permissions.
    ignore_changes = [administration_role_arn]

    precondition {
      condition     = length(distinct([for role in each.value : jsonencode([for field in ["environments", "promoted_from", "regions", "external_ids"] : sort(role[field])])])) == 1
      error_message = "One stack set makes the roles of one name, so these must be for the same environments and regions in every account. Those of ${each.key} are not: give each environment a role_name of its own, such as deployer-prod."
    }

    precondition {
      condition     = length(local.deployer.artifact_decryption_key_arns) <= 2
      error_message = "The template takes at most two keys that only decrypt artifacts, and decryption_keys names ${length(local.deployer.artifact_decryption_key_arns)}."
    }

    precondition {
      condition     = alltrue([for field in values(local.numbered_lists) : length(each.value[0][field]) <= 3])
      error_message = "The template takes at most three environments, three that they are promoted from, and three regions for one deploy role. ${each.key} has more: give some of its environments a role_name of their own."
    }
  }
}

resource "aws_cloudformation_stack_set_instance" "target" {
  for_each = module.tooling.deploy_roles

  stack_set_name = aws_cloudformation_stack_set.target[each.value.role_name].name
  call_as        = var.call_as

  parameter_overrides = var.target_permissions_boundary == null ? {} : {
    PermissionsBoundary = "arn:${split(":", local.deployer.role_arn)[1]}:iam::${each.value.account}:policy/${var.target_permissions_boundary}"
  }

  # A role is of an account and not of a region: one stack, in the region of this configuration.
  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
    account_filter_type     = "INTERSECTION"
    accounts                = [each.value.account]
  }
}
