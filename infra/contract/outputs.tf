output "policies" {
  value = {
    tooling       = module.tooling.policies
    dev           = module.dev.policies
    prod          = module.prod.policies
    tools         = module.tools.policies
    github        = module.github.policies
    gitlab        = module.gitlab.policies
    build_agent   = module.build_agent.policies
    named         = module.named.policies
    notifications = module.notifications.policies
    scheduled     = module.scheduled.policies
    chat          = module.chat.policies
    # Their permissions are like the others'.
    several   = { trust = module.several.policies.trust }
    bitbucket = { trust = module.bitbucket.policies.trust }
    buildkite = { trust = module.buildkite.policies.trust }
    circleci  = { trust = module.circleci.policies.trust }
    oidc      = { trust = module.oidc.policies.trust }
    eks_pods  = { trust = module.eks_pods.policies.trust }
  }
}
