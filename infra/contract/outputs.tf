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
  }
}
