output "artifact_bucket" {
  description = "Upload to dev/<function>/<release>.zip here."
  value       = module.tooling.uploads.artifact_bucket
}

output "ci_role_arn" {
  description = "The role that GitHub Actions takes."
  value       = module.ci.role_arn
}
