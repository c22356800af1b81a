# What configurations outside this repository must say as the deployer says it. The module makes nothing and needs no provider.

locals {
  names = jsondecode(file("${path.module}/../names.json"))
}
