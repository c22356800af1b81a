# One provider an account. Profiles are those of the AWS CLI's configuration.

provider "aws" {
  alias               = "tooling"
  region              = var.region
  profile             = var.profiles.tooling
  allowed_account_ids = [var.accounts.tooling]
}

provider "aws" {
  alias               = "prod"
  region              = var.region
  profile             = var.profiles.prod
  allowed_account_ids = [var.accounts.prod]
}
