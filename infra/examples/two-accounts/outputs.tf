output "artifact_bucket" {
  description = "Upload to dev/<function>/<release>.zip and prod/<function>/<release>.zip here."
  value       = module.tooling.uploads.artifact_bucket
}

output "ledger_bucket" {
  description = "What came of an upload is under results/ here."
  value       = module.tooling.uploads.ledger_bucket
}

output "queue_url" {
  description = "The queue that tells the deployer of uploads."
  value       = module.tooling.queue_url
}

output "wake_queue_url" {
  description = "The queue by which the deployer wakes itself, and to which requests for promotions go."
  value       = module.tooling.wake_queue_url
}

output "dead_letters_url" {
  description = "The queue of what the deployer could not handle."
  value       = module.tooling.dead_letters_url
}

output "deployer_role_arn" {
  description = "The deployer's role."
  value       = module.tooling.deployer.role_arn
}

output "uploader_role_arn" {
  description = "CI's role."
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
