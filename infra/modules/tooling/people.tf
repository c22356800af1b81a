# Policies for people, and for what acts for them: to be attached to their groups, permission sets or roles.

resource "aws_iam_policy" "look" {
  name        = "${var.name}-look"
  description = "Reads the deployer's ledger, and nothing else"
  policy      = local.look_policy
}

resource "aws_iam_policy" "operate" {
  name        = "${var.name}-operate"
  description = "Reads the deployer's ledger, and gives the deployer commands"
  policy      = local.operate_policy
}

resource "aws_iam_policy" "request" {
  name        = "${var.name}-request"
  description = "Asks the deployer for promotions by events, and nothing else"
  policy      = local.request_policy
}

resource "aws_iam_policy" "approve" {
  name        = "${var.name}-approve"
  description = "Approves and declines promotions by events, and nothing else"
  policy      = local.approve_policy
}

locals {
  # Who looks without the deployer needs its configuration: which environments there are, and where they go.
  looked_at = concat([for name, prefix in local.names.ledger : "${prefix}*" if !contains(["asked", "open"], name)], [local.names.config_key])

  look = [
    {
      Sid      = "ReadTheLedger"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [for object in local.looked_at : "${local.ledger_bucket_arn}/${object}"]
    },
    {
      Sid       = "ListTheLedger"
      Effect    = "Allow"
      Action    = "s3:ListBucket"
      Resource  = local.ledger_bucket_arn
      Condition = { StringLike = { "s3:prefix" = local.looked_at } }
    },
  ]

  look_policy = jsonencode({ Version = "2012-10-17", Statement = local.look })

  operate_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.look, [{
      Sid      = "CommandTheDeployer"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = local.alias_arn
    }])
  })

  request_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "AskForPromotions"
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = local.event_bus_arn
      Condition = {
        StringEquals  = { "events:detail-type" = local.names.promotion_requested }
        StringNotLike = local.never_as
      }
    }]
  })

  approve_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ApproveOrDeclinePromotions"
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = local.event_bus_arn
      Condition = {
        StringEquals  = { "events:detail-type" = [local.names.promotion_approved, local.names.promotion_declined] }
        StringNotLike = local.never_as
      }
    }]
  })
}
