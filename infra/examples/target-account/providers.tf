provider "aws" {
  region              = var.region
  profile             = var.profiles.target
  allowed_account_ids = [var.accounts.target]
}

provider "aws" {
  alias               = "tooling"
  region              = var.region
  profile             = var.profiles.tooling
  allowed_account_ids = [var.accounts.tooling]
}
