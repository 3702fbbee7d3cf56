"""The AWS endpoint: AWS's own protocols over the daemon's calls, for SDKs, the CLI and the handlers themselves."""
