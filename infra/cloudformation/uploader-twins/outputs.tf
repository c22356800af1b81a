output "policies" {
  value = {
    least              = module.least.policies
    formerly_encrypted = module.formerly_encrypted.policies
    most               = module.most.policies
    most_principals    = module.most_principals.policies
    most_pods          = module.most_pods.policies
    most_agents        = module.most_agents.policies
  }
}
