variable "event_bus_arn" {
  description = "The deployer's bus, as the output `event_bus_arn` of the module tooling tells it."
  type        = string
}

variable "name" {
  description = "What the group of schedules and its role are called."
  type        = string
  default     = "deployer-promotions"
}

variable "function" {
  description = "The function, or * for all."
  type        = string
  default     = "*"
}

variable "from" {
  description = "The environment that is promoted from."
  type        = string
  default     = "stage"
}

variable "to" {
  description = "The environment that is promoted to, whose `promotion` names the other."
  type        = string
  default     = "prod"
}

variable "zone" {
  description = "Where it is nine o'clock: a name of the IANA Time Zone Database."
  type        = string
  default     = "Europe/Berlin"
}
