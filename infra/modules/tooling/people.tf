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
  look = [
    {
      Sid      = "ReadTheLedger"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [for name, prefix in local.names.ledger : "${local.ledger_bucket_arn}/${prefix}*" if name != "open"]
    },
    {
      Sid       = "ListTheLedger"
      Effect    = "Allow"
      Action    = "s3:ListBucket"
      Resource  = local.ledger_bucket_arn
      Condition = { StringLike = { "s3:prefix" = [for name, prefix in local.names.ledger : "${prefix}*" if name != "open"] } }
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
