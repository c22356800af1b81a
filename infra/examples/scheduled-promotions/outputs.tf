output "policies" {
  description = "The schedule's role, as it is sent to AWS."
  value = {
    schedule       = local.schedule_policy
    schedule_trust = local.schedule_trust
  }
}
