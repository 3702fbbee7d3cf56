"""SAM and CloudFormation templates as config.yaml: what runs here, what runs differently, and what is refused. Pure."""
