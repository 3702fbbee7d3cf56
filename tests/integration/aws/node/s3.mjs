// S3 through AWS's SDK for JavaScript as it comes: endpoint, region and credentials are in its environment.
// Prints one line of JSON: what every step gave.
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import {
  CopyObjectCommand, CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand,
  HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client, paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const s3 = new S3Client({});
const Bucket = "bkt";
const md5 = (data) => createHash("md5").update(data).digest("hex");
const bytes = (size) => Buffer.from(Uint8Array.from({ length: size }, (_, at) => at % 251));
const read = async (Key, more = {}) => Buffer.from(await (await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body.transformToByteArray());
const refused = async (command) => {
  try {
    await s3.send(command);
    return "done";
  } catch (error) {
    return `${error.$metadata?.httpStatusCode} ${error.name}`;
  }
};
const out = {};

for (const Key of ["plain", "a k+1/é.txt", "x/~!*'()", "日本"]) {
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: `text of ${Key}`, ContentType: "text/plain", Metadata: { Mixed: "Case" } }));
  out[Key] = (await read(Key)).toString();
}
const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "plain" }));
out.head = [head.ContentLength, head.ContentType, head.Metadata, head.ETag === `"${md5("text of plain")}"`];
out.range = (await read("plain", { Range: "bytes=5-6" })).toString();

const large = bytes(3 * 1024 * 1024 + 7);
const pieces = function* () {
  for (let at = 0; at < large.length; at += 70_000) yield large.subarray(at, at + 70_000);
};
await s3.send(new PutObjectCommand({ Bucket, Key: "stream", Body: Readable.from(pieces()), ContentLength: large.length }));
out.stream = md5(await read("stream")) === md5(large);

const parts = bytes(11 * 1024 * 1024);
await new Upload({ client: s3, params: { Bucket, Key: "parts", Body: Readable.from([parts]) }, partSize: 5 * 1024 * 1024 }).done();
out.parts = md5(await read("parts")) === md5(parts);

await s3.send(new CopyObjectCommand({ Bucket, Key: "copied", CopySource: `${Bucket}/${encodeURIComponent("a k+1/é.txt")}` }));
out.copied = (await read("copied")).toString();

out.pages = [];
for await (const page of paginateListObjectsV2({ client: s3, pageSize: 3 }, { Bucket })) out.pages.push(page.Contents.map((one) => one.Key));
out.prefixes = (await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: "/" }))).CommonPrefixes.map((one) => one.Prefix);

const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "a k+1/é.txt" }), { expiresIn: 60 });
out.presignedGet = await (await fetch(get)).text();
const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "presigned" }), { expiresIn: 60 });
out.presignedPut = [(await fetch(put, { method: "PUT", body: "from a page" })).status, (await read("presigned")).toString()];
out.presignedOther = (await fetch(put.replace("presigned?", "other?"), { method: "PUT", body: "x" })).status;

out.missing = await refused(new GetObjectCommand({ Bucket, Key: "missing" }));
out.condition = await refused(new PutObjectCommand({ Bucket, Key: "plain", Body: "x", IfNoneMatch: "*" }));
out.nowhere = await refused(new ListObjectsV2Command({ Bucket: "no-such-bucket" }));
await s3.send(new DeleteObjectCommand({ Bucket, Key: "plain" }));
const gone = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "stream" }, { Key: "parts" }, { Key: "never" }] } }));
out.deleted = gone.Deleted.map((one) => one.Key);
await s3.send(new CreateBucketCommand({ Bucket: "from-node" }));
await s3.send(new DeleteBucketCommand({ Bucket: "from-node" }));
console.log(JSON.stringify(out));
