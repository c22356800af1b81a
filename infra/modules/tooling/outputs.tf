output "deployer" {
  description = "What each target must know of the deployer: the variable `deployer` of the module target."
  value       = local.deployer

  # A deploy role's trust cannot name a role that is not there yet.
  depends_on = [aws_iam_role.deployer]
}

output "deploy_roles" {
  description = "The deploy roles that the deployer will enter, by \"<account>/<role name>\": the variable `deploy_role` of the module target, which makes one of them."
  value       = local.deploy_roles
}

output "uploads" {
  description = "What an uploader must know: the variable `uploads` of the module uploader."
  value = {
    artifact_bucket            = var.artifact_bucket
    artifact_key_arn           = local.artifact_key_arn
    ledger_bucket              = var.ledger_bucket
    ledger_key_arn             = lookup(var.keys, "ledger", null)
    environments               = local.accepting
    region                     = local.region
    ledger_decryption_key_arns = local.decryption_keys.ledger
  }
}

output "function_name" {
  description = "The deployer's function, for commands by hand."
  value       = aws_lambda_function.deployer.function_name
}

output "live_version" {
  description = "The version of the deployer's function that works: the one that its alias serves."
  value       = aws_lambda_alias.live.function_version
}

output "queue_url" {
  description = "The queue that tells the deployer of uploads."
  value       = aws_sqs_queue.uploads.url
}

output "wake_queue_url" {
  description = "The queue by which the deployer wakes itself, and to which requests for promotions go."
  value       = aws_sqs_queue.wakes.url
}

output "dead_letters_url" {
  description = "The queue of what the deployer could not handle."
  value       = aws_sqs_queue.dead_letters.url
}

output "event_bus_arn" {
  description = "The bus on which promotions are asked for, approved and declined, and on which the deployer tells what happens."
  value       = local.event_bus_arn

  # A rule cannot be put on a bus that is not there yet.
  depends_on = [aws_cloudwatch_event_bus.deployer]
}

output "look_policy_arn" {
  description = "The policy for people who look."
  value       = aws_iam_policy.look.arn
}

output "operate_policy_arn" {
  description = "The policy for people who give commands."
  value       = aws_iam_policy.operate.arn
}

output "request_policy_arn" {
  description = "The policy for who asks for promotions by events."
  value       = aws_iam_policy.request.arn
}

output "approve_policy_arn" {
  description = "The policy for who approves and declines promotions by events."
  value       = aws_iam_policy.approve.arn
}

output "key_policies" {
  description = "What the policy of each key must say that `keys` names: the whole policy of a key that is for nothing else."
  value = {
    artifacts = local.key_policy
    bus       = local.bus_key_policy
    ledger    = local.ledger_key_policy
    log       = local.log_key_policy
    queues    = local.queues_key_policy
  }
}

output "policies" {
  description = "Every policy of this module as it is sent to AWS, for review and for tests."
  value = merge({
    approve         = local.approve_policy
    artifact_bucket = local.artifact_bucket_policy
    deployer        = local.deployer_policy
    deployer_trust  = local.deployer_trust
    event_bus       = local.event_bus_has_policy ? local.event_bus_policy : null
    key             = local.has_artifact_key ? local.key_policy : null
    key_of_bus      = contains(keys(var.keys), "bus") ? local.bus_key_policy : null
    key_of_ledger   = contains(keys(var.keys), "ledger") ? local.ledger_key_policy : null
    key_of_log      = contains(keys(var.keys), "log") ? local.log_key_policy : null
    key_of_queues   = contains(keys(var.keys), "queues") ? local.queues_key_policy : null
    ledger_bucket   = local.ledger_bucket_policy
    look            = local.look_policy
    operate         = local.operate_policy
    queue           = local.queue_policy
    request         = local.request_policy
    sweep           = local.sweep_policy
    sweep_trust     = local.sweep_trust
    wake_queue      = local.wake_queue_policy
  }, { for number, policy in local.enter_policies : "enter_${number}" => policy })
}
