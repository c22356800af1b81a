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

variable "alarm_topic_arn" {
  description = "The SNS topic that alarms tell when they begin and when they are over. Terraform warns while there is none."
  type        = string
  default     = null
}

variable "zip" {
  description = "The path of deployer.zip."
  type        = string
  default     = "../../../artifacts/deployer.zip"
}

variable "architecture" {
  description = "What deployer.zip was built for: x86_64 or arm64."
  type        = string
  default     = "x86_64"
}
