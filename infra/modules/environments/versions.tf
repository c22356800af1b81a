terraform {
  required_version = ">= 1.9"
}

locals {
  names = jsondecode(file("${path.module}/../names.json"))
}
