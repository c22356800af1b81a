module "github" {
  source = "../modules/uploader"

  name         = "ci-orders"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["orders-*"]
  trust        = { github = { repository = "acme/orders", ref = "refs/heads/main" } }
}

module "gitlab" {
  source = "../modules/uploader"

  name         = "ci-billing"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["billing"]
  trust        = { gitlab = { project = "acme/billing", ref = "main" } }
}

module "build_agent" {
  source = "../modules/uploader"

  name         = "build-agent"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["*"]
  trust        = { ec2 = true }
}

module "named" {
  source = "../modules/uploader"

  name         = "ci-named"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["hello"]
  trust        = { principals = ["arn:aws:iam::333333333333:role/ci"] }
}
