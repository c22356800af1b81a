output "artifact_bucket" {
  description = "Upload to dev/<function>/<release>.zip here."
  value       = module.tooling.uploads.artifact_bucket
}
