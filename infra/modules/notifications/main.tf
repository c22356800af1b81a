# The topic that people hear from. What is told is no secret, so it is encrypted with a key only where an owner names one; the managed key
# of SNS lets no other service in.

resource "aws_sns_topic" "notifications" {
  name              = var.name
  kms_master_key_id = var.key_arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "notifications" {
  arn    = aws_sns_topic.notifications.arn
  policy = local.topic_policy
}

resource "aws_sns_topic_subscription" "emails" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.notifications.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_iam_role" "notifications" {
  name                 = var.name
  description          = "EventBridge's: publishes what people must hear of"
  assume_role_policy   = local.publish_trust
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "notifications" {
  name   = var.name
  role   = aws_iam_role.notifications.id
  policy = local.publish_policy
}

locals {
  names = jsondecode(file("${path.module}/../names.json"))

  # Topic, rules and role are where the bus is.
  bus       = split("/", var.event_bus_arn)[1]
  partition = split(":", var.event_bus_arn)[1]
  region    = split(":", var.event_bus_arn)[3]
  account   = split(":", var.event_bus_arn)[4]

  topic_arn = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}"
  role_arn  = "arn:${local.partition}:iam::${local.account}:role${var.role_path}${var.name}"
  rule_arns = [for notice in keys(local.notices) : "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.bus}/${var.name}-${notice}"]

  # EventBridge names the rule where it takes a role, and not reliably where it publishes under a topic's policy (EventBridge User
  # Guide, "Amazon EventBridge troubleshooting": no conditions there). So the rules take a role, and the topic is the role's.
  publish_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheRules"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = local.rule_arns }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })

  publish_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid      = "TellPeople"
      Effect   = "Allow"
      Action   = "sns:Publish"
      Resource = local.topic_arn
      }], var.key_arn == null ? [] : [{
      Sid       = "UseTheKeyOfTheTopic"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = var.key_arn
      Condition = { StringEquals = local.through_sns }
    }])
  })

  through_sns = { "kms:ViaService" = "sns.${local.region}.${local.names.partitions[local.partition].dns_suffix}" }

  # The rules take a role, so that what is published is encrypted with the rights of this account's own.
  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TheAccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action = [
          "kms:CancelKeyDeletion", "kms:Create*", "kms:Delete*", "kms:Describe*", "kms:Disable*", "kms:Enable*", "kms:Get*", "kms:List*",
          "kms:Put*", "kms:Revoke*", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:Update*",
        ]
        Resource = "*"
      },
      {
        Sid       = "TheAccountUsesItThroughSns"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = local.through_sns }
      },
    ]
  })

  topic_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTheRulesPublish"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sns:Publish"
      Resource  = local.topic_arn
      Condition = { ArnNotEquals = { "aws:PrincipalArn" = local.role_arn } }
    }]
  })
}
