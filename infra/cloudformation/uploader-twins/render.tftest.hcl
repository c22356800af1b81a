# `terraform test -json -verbose` tells the outputs, and with them every policy.

mock_provider "aws" {
  source = "../../mocks"

  override_data {
    target = module.most.data.aws_partition.current
    values = { partition = "aws-cn" }
  }

  override_data {
    target = module.most_principals.data.aws_partition.current
    values = { partition = "aws-cn" }
  }

  override_data {
    target = module.most_pods.data.aws_partition.current
    values = { partition = "aws-cn" }
  }

  override_data {
    target = module.most_agents.data.aws_partition.current
    values = { partition = "aws-cn" }
  }
}

run "render" {
  command = apply
}
