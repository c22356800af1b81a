output "role_arn" {
  description = "The deploy role."
  value       = module.target.role_arn
}
