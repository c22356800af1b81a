variable "accounts" {
  description = "The deployer's account, and the one that it deploys to."
  type        = object({ tooling = string, target = string })
}

variable "profiles" {
  description = "The AWS CLI's profiles for them. In the tooling account reading the two SSM parameters is enough."
  type        = object({ tooling = optional(string), target = optional(string) })
  default     = {}
}

variable "region" {
  description = "The region of the deployer."
  type        = string
  default     = "eu-west-1"
}

variable "name" {
  description = "What the deployer is called: `name` of the module tooling."
  type        = string
  default     = "deployer"
}

variable "role_name" {
  description = "The deploy role's name: role_name of the environments in this account."
  type        = string
  default     = "deployer-target"
}

variable "functions" {
  description = "The names of the functions that may be deployed, with * as a wildcard."
  type        = list(string)
}

variable "execution_roles" {
  description = "The execution roles that may be given to functions: path and name, with * as a wildcard."
  type        = list(string)
}

variable "organization_id" {
  description = "The organization that the deployer must belong to (o-…), where there is one."
  type        = string
  default     = null
}
