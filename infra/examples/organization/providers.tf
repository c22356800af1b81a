# One provider an account: logged in to the management account, Terraform enters each by the role that AWS Organizations makes there.

provider "aws" {
  alias               = "tooling"
  region              = "eu-west-1"
  allowed_account_ids = [var.accounts.tooling]

  assume_role {
    role_arn = "arn:aws:iam::${var.accounts.tooling}:role/${var.admin_role}"
  }
}

provider "aws" {
  alias               = "dev"
  region              = "eu-west-1"
  allowed_account_ids = [var.accounts.dev]

  assume_role {
    role_arn = "arn:aws:iam::${var.accounts.dev}:role/${var.admin_role}"
  }
}

provider "aws" {
  alias               = "stage"
  region              = "eu-west-1"
  allowed_account_ids = [var.accounts.stage]

  assume_role {
    role_arn = "arn:aws:iam::${var.accounts.stage}:role/${var.admin_role}"
  }
}

provider "aws" {
  alias               = "prod"
  region              = "eu-west-1"
  allowed_account_ids = [var.accounts.prod]

  assume_role {
    role_arn = "arn:aws:iam::${var.accounts.prod}:role/${var.admin_role}"
  }
}
