output "event_source" {
  description = "The source of the deployer's events."
  value       = local.names.event_source
}

output "promotion_requested" {
  description = "The detail-type of a request for a promotion."
  value       = local.names.promotion_requested
}

output "target_template" {
  description = "The CloudFormation template that makes a deploy role, as a stack or in a stack set."
  value       = file("${path.module}/../../cloudformation/target.yaml")
}

output "uploader_template" {
  description = "The CloudFormation template that makes CI's role."
  value       = file("${path.module}/../../cloudformation/uploader.yaml")
}
