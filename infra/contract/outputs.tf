output "policies" {
  value = {
    tooling = module.tooling.policies
    # The buckets' and the bus's other statements are those of tooling.
    guarded = { for name, policy in module.guarded.policies : name => jsonencode({
      Version   = "2012-10-17"
      Statement = [for statement in jsondecode(policy).Statement : statement if endswith(name, "queue") || startswith(statement.Sid, "Only")]
    }) if contains(["artifact_bucket", "event_bus", "ledger_bucket", "queue", "wake_queue"], name) }
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
