# What a target's own configuration must know, as SSM parameters: the outputs `deployer` and `deploy_roles`
# (examples/target-account reads them).

locals {
  deployer = {
    role_arn                     = local.role_arn
    function_arn                 = local.function_arn
    queue_arn                    = local.queue_arn
    wake_queue_arn               = local.wake_queue_arn
    dead_letters_arn             = local.dead_letters_arn
    event_bus_arn                = local.event_bus_arn
    schedules_arn                = local.schedules_arn
    log_group_arn                = local.log_group_arn
    ledger_bucket                = var.ledger_bucket
    artifact_bucket              = var.artifact_bucket
    artifact_key_arn             = local.artifact_key_arn
    region                       = local.region
    artifact_decryption_key_arns = local.decryption_keys.artifacts
  }

  # Standard parameters hold 4,096 characters (AWS Systems Manager User Guide, "Managing parameter tiers").
  parameters = merge(
    { deployer = jsonencode(local.deployer) },
    { for key, role in local.deploy_roles : "deploy-roles/${key}" => jsonencode(role) },
  )
}

resource "aws_ssm_parameter" "target" {
  for_each = local.parameters

  # Letters, digits and . - _ / only; a role's name may have others (AWS Systems Manager API Reference, PutParameter).
  name        = "/deployers/${var.name}/${replace(each.key, "/[^A-Za-z0-9_.\\/-]/", "_")}"
  description = each.key == "deployer" ? "The deployer: the variable deployer of the module target" : "A deploy role that the deployer enters: the variable deploy_role of the module target"
  type        = "String"
  tier        = each.key == "deployer" || length(each.value) <= 4096 ? "Standard" : "Advanced"
  value       = each.value
  tags        = var.tags

  # A deploy role's trust cannot name a role that is not there yet.
  depends_on = [aws_iam_role.deployer]
}
