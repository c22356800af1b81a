# What failed, was refused or rolled back is told in a chat: by a webhook that takes {"text": …}, as those of Slack and Mattermost do. The
# provider is that of the environment: AWS_PROFILE and AWS_REGION, of the account and region that the deployer is in.

module "constants" {
  source = "../../modules/constants"
}

resource "aws_cloudwatch_event_connection" "chat" {
  name               = var.name
  description        = "How the chat knows who tells"
  authorization_type = "API_KEY"

  # EventBridge keeps it in Secrets Manager; Terraform keeps it in its state too.
  auth_parameters {
    api_key {
      key   = "Authorization"
      value = var.api_key
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "chat" {
  name                             = var.name
  description                      = "The chat's webhook"
  connection_arn                   = aws_cloudwatch_event_connection.chat.arn
  invocation_endpoint              = var.webhook_url
  http_method                      = "POST"
  invocation_rate_limit_per_second = 1
}

resource "aws_cloudwatch_event_rule" "chat" {
  name           = var.name
  description    = "What failed, was refused or was rolled back"
  event_bus_name = local.bus
  event_pattern = jsonencode({
    source        = [module.constants.event_source]
    "detail-type" = ["Deployment Failed", "Promotion Refused", "Deployment Rolled Back"]
    # Texts, and not null, for the template has them.
    detail = { because = [{ prefix = "" }], environment = [{ prefix = "" }] }
  })
  tags = var.tags
}

resource "aws_cloudwatch_event_target" "chat" {
  rule           = aws_cloudwatch_event_rule.chat.name
  event_bus_name = local.bus
  target_id      = "chat"
  arn            = aws_cloudwatch_event_api_destination.chat.arn
  role_arn       = aws_iam_role.chat.arn

  # EventBridge does not escape what it puts into a text, so only names stand there; a sentence, which may have quotes in it, is a value
  # of its own (EventBridge User Guide, "Amazon EventBridge input transformation").
  input_transformer {
    input_paths = {
      because     = "$.detail.because"
      environment = "$.detail.environment"
      function    = "$.detail.function"
      what        = "$.detail-type"
    }
    input_template = <<-JSON
      {"text": "<what>: <function> in <environment>", "attachments": [{"text": <because>}]}
    JSON
  }

  # What the chat did not take within an hour is old news.
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 20
  }

  dead_letter_config {
    arn = aws_sqs_queue.untold.arn
  }

  depends_on = [aws_iam_role_policy.chat]
}

# What could not be told. Its messages say why (EventBridge User Guide, "Using dead-letter queues").
resource "aws_sqs_queue" "untold" {
  name                      = "${var.name}-untold"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  policy                    = local.untold_policy
  tags                      = var.tags
}

resource "aws_iam_role" "chat" {
  name                 = var.name
  description          = "EventBridge's: calls the chat's webhook"
  assume_role_policy   = local.call_trust
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "chat" {
  name   = var.name
  role   = aws_iam_role.chat.id
  policy = local.call_policy
}

locals {
  bus       = split("/", var.event_bus_arn)[1]
  partition = split(":", var.event_bus_arn)[1]
  region    = split(":", var.event_bus_arn)[3]
  account   = split(":", var.event_bus_arn)[4]
  rule_arn  = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.bus}/${var.name}"

  call_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheRule"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = local.rule_arn }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })

  call_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "CallTheChat"
      Effect = "Allow"
      Action = "events:InvokeApiDestination"
      # An id of EventBridge's follows the name.
      Resource = "arn:${local.partition}:events:${local.region}:${local.account}:api-destination/${var.name}/*"
    }]
  })

  untold_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TheRuleLeavesWhatWasNotTold"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-untold"
        Condition = { ArnEquals = { "aws:SourceArn" = local.rule_arn } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-untold"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
