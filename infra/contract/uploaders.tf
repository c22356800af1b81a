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

module "several" {
  source = "../modules/uploader"

  name         = "ci-several"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["orders-*", "billing"]
  trust = { github = { repositories = [
    { repository = "acme/orders", ref = "refs/heads/main" },
    { repository = "acme@1/billing@2", environment = "release" },
  ] } }
}

module "bitbucket" {
  source = "../modules/uploader"

  name         = "ci-bitbucket"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["orders-*"]
  trust = { bitbucket = {
    workspace    = "acme"
    workspace_id = "c0ffee00-0000-4000-8000-0000000000aa"
    repositories = [{ repository_id = "c0ffee00-0000-4000-8000-0000000000bb", environment_id = "c0ffee00-0000-4000-8000-0000000000cc" }]
  } }
}

module "buildkite" {
  source = "../modules/uploader"

  name         = "ci-buildkite"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["orders-*"]
  trust        = { buildkite = { organization = "acme", pipelines = [{ pipeline = "orders", ref = "refs/heads/main" }] } }
}

module "circleci" {
  source = "../modules/uploader"

  name         = "ci-circleci"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["orders-*"]
  trust = { circleci = {
    organization_id = "c0ffee00-0000-4000-8000-0000000000aa"
    projects        = [{ project_id = "c0ffee00-0000-4000-8000-0000000000bb", origin = "github.com/acme/orders", ref = "refs/heads/main" }]
  } }
}

module "oidc" {
  source = "../modules/uploader"

  name         = "ci-oidc"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["orders-*"]
  trust        = { oidc = { issuer = "https://ci.example.com/oidc/acme", audience = "deployer", subjects = ["repo:acme/orders:ref:main:*", "release-bot"] } }
}

module "eks_pods" {
  source = "../modules/uploader"

  name         = "ci-pods"
  uploads      = local.uploads
  environments = ["dev"]
  functions    = ["orders-*"]
  trust        = { eks_pods = { cluster_arn = "arn:aws:eks:eu-west-1:123456789012:cluster/ci", namespace = "builds", service_account = "orders" } }
}
