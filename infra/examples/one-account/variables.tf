variable "account" {
  description = "The account, which the AWS CLI must be logged in to."
  type        = string
}

variable "prefix" {
  description = "What the buckets' names begin with: bucket names are taken world-wide."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
  default     = "eu-west-1"
}

variable "zip" {
  description = "The path of deployer.zip."
  type        = string
  default     = "../../../artifacts/deployer.zip"
}
