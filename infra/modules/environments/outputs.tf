output "environments" {
  description = "The environments, with null for what is not said."
  value       = var.environments
}
