output "policies" {
  value = {
    least             = module.least.policies
    most              = module.most.policies
    organization_only = module.organization_only.policies
  }
}
