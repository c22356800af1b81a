output "role_arn" {
  description = "The deploy role."
  value       = aws_iam_role.deploy.arn
}

output "execution_boundary_arn" {
  description = "The permissions boundary for execution roles, where one is made."
  value       = one(aws_iam_policy.execution_boundary[*].arn)
}

output "policies" {
  description = "Every policy of this module as it is sent to AWS, for review and for tests."
  value = {
    execution_boundary = local.execution_boundary
    permissions        = local.permissions
    trust              = local.trust
  }
}
