output "topic_arn" {
  description = "The topic, for who wants to hear in other ways than by e-mail."
  value       = aws_sns_topic.notifications.arn
}

output "policies" {
  description = "Every policy of this module as it is sent to AWS, for review and for tests."
  value = {
    publish       = local.publish_policy
    publish_trust = local.publish_trust
    topic         = local.topic_policy
  }
}
