output "deploy_roles" {
  description = "The deploy roles, by \"<account>/<role name>\"."
  value       = module.tooling.deploy_roles
}

output "stack_sets" {
  description = "The stack sets that make them."
  value       = values(aws_cloudformation_stack_set.target)[*].name
}
