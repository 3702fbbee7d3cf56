export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const out = awslambda.HttpResponseStream.from(stream, {
    statusCode: 200,
    headers: { "content-type": "text/event-stream" },
  });
  const count = Number(event.queryStringParameters?.count ?? 3);
  for (let n = 1; n <= count; n += 1) {
    out.write(`data: ${n}\n\n`);
  }
  out.end();
});
