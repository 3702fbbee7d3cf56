const { items } = require("table");

exports.handler = async () => ({ statusCode: 200, body: JSON.stringify(Object.keys(items)) });
