output "topic_arn" {
  description = "The topic, for who wants to hear in other ways than by e-mail."
  value       = aws_sns_topic.notifications.arn
}

output "key_policy" {
  description = "What the policy of the key must say that `key_arn` names: the whole policy of a key that is for nothing else."
  value       = local.key_policy
}

output "policies" {
  description = "Every policy of this module as it is sent to AWS, for review and for tests."
  value = {
    key           = var.key_arn == null ? null : local.key_policy
    publish       = local.publish_policy
    publish_trust = local.publish_trust
    topic         = local.topic_policy
  }
}
