"""Samples that no case uses, because nothing here produces them."""

from collections.abc import Mapping
from typing import Final

# Name of the sample → why no builder of ours makes it. Those that are not in tests/golden are named as if they were.
NOT_PRODUCED: Final[Mapping[str, str]] = {
    "kafka_msk": "no Kafka source",
    "kafka_msk_signed_header_bytes": "no Kafka source",
    "mqtt_iot_amazon_mq_activemq": "no message broker as a source",
    "mqtt_iot_amazon_mq_rabbitmq": "no message broker as a source",
    "mqtt_iot_iot_custom_authorizer_request": "no IoT Core: devices do not connect here",
    "mqtt_iot_iot_custom_authorizer_response": "no IoT Core: devices do not connect here",
    "kinesis_template_on_failure_destination": "no Kinesis source, so no batch of one is given up",
    "alb_health_check": "the load balancer's own request; here nothing stands before the function that could fail",
    "apigw_v1_console_test_invoke": "the test button of AWS's console, which sends no request",
    "authorizers_response_iam_policy": "a template of an authorizer's answer: its Effect is `Allow|Deny`",
    "apigw_v1_sam_local_rest": "what another emulator sends, kept for comparison; it is not AWS",
}
