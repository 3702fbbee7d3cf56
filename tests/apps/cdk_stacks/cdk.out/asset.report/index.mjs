// What was told of files, and how many rows wait.
const told = [];

export const handler = async (event) => {
  if (event.Records) {
    told.push(...event.Records.map((record) => record.Sns.Message));
    return undefined;
  }
  return { statusCode: 200, body: JSON.stringify({ told, queue: process.env.QUEUE, path: event.rawPath }) };
};
