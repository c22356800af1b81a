output "environments" {
  description = "The environments, with null for what is not said."
  value       = var.environments

  precondition {
    condition     = length(local.rollout_mistakes) == 0
    error_message = "The deployer takes no such rollout: ${join("; ", local.rollout_mistakes)}."
  }
}
