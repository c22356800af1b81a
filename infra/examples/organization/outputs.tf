output "artifact_bucket" {
  description = "Upload to dev/<function>/<release>.zip here."
  value       = module.tooling.uploads.artifact_bucket
}

output "ci_role_arn" {
  description = "The role that GitHub Actions takes."
  value       = module.ci.role_arn
}

output "deployer" {
  description = "What target modules in configurations of their own must be told."
  value       = module.tooling.deployer
}

output "deploy_roles" {
  description = "The deploy roles to make, and what each is for."
  value       = module.tooling.deploy_roles
}
