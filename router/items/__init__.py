"""DynamoDB's items and its expression language. Pure: values in, values out.

A value is an attribute value as AWS's API has it, {"S": "text"}, with bytes where the wire has base64; an item is a mapping of
names to values. What comes from outside passes through values.checked() once; all else here relies on that."""
