output "untold_queue_url" {
  description = "The queue of what the chat did not take."
  value       = aws_sqs_queue.untold.url
}

output "policies" {
  description = "The rule's role and the queue, as they are sent to AWS."
  value = {
    call       = local.call_policy
    call_trust = local.call_trust
    untold     = local.untold_policy
  }
}
