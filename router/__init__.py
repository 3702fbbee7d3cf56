"""AWS Lambda's programming model as a production daemon on a machine you own."""

from typing import Final

VERSION: Final = "0.1.0"
