output "role_arn" {
  description = "The role that CI takes."
  value       = aws_iam_role.uploader.arn
}

output "instance_profile" {
  description = "The instance profile of build agents, where they are the ones."
  value       = one(aws_iam_instance_profile.uploader[*].name)
}

output "policies" {
  description = "Every policy of this module as it is sent to AWS, for review and for tests."
  value = {
    permissions = local.permissions
    trust       = local.trust
  }
}
