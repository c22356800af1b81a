# Two policies for people, to be attached to their groups or permission sets.

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

locals {
  # Who looks without the deployer needs its configuration: which environments there are, and where they go.
  looked_at = concat([for name, prefix in local.names.ledger : "${prefix}*" if name != "open"], [local.names.config_key])

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
      Resource = local.function_arn
    }])
  })
}
